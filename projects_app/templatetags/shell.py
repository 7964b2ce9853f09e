"""The one navigation of admin and pages."""

from typing import Any

from django import template
from django.http import HttpRequest

from projects_app.models import Project, User
from projects_app.selectors import projects_of

register = template.Library()


@register.inclusion_tag("shell/_navigation.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    user = request.user
    projects = list(projects_of(user)) if isinstance(user, User) else []
    return {
        "projects": projects,
        "project": _current(context, projects),
        "user": user,
        "path": request.path,
    }


def _current(context: dict[str, Any], projects: list[Project]) -> Project | None:
    chosen = context.get("project")
    if isinstance(chosen, Project):
        return chosen
    return projects[0] if len(projects) == 1 else None
