"""The one navigation of admin and pages."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from projects_app.models import Project, User
from projects_app.selectors import projects_of

register = template.Library()

PLACES = (
    (_("Jobs"), "jobs:list"),
    (_("Datasets"), "datasets:list"),
    (_("Insights"), "insights:list"),
    (_("Labelling"), "labelling:tasks"),
    (_("Spend"), "spend:page"),
)


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    is_current: bool


@register.inclusion_tag("shell/_navigation.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    user = request.user
    projects = list(projects_of(user)) if isinstance(user, User) else []
    current = _current(context, projects)
    links = [
        Link(_label(str(name), one, projects), url, one == current and request.path == url)
        for one in projects
        for name, view in PLACES
        for url in (reverse(view, kwargs={"project": one.slug}),)
    ]
    return {"links": links, "user": user}


def _label(name: str, project: Project, projects: list[Project]) -> str:
    return f"{project.name} · {name}" if len(projects) > 1 else name


def _current(context: dict[str, Any], projects: list[Project]) -> Project | None:
    chosen = context.get("project")
    if isinstance(chosen, Project):
        return chosen
    return projects[0] if len(projects) == 1 else None
