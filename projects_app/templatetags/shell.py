"""The one header of admin and pages: projects, places, theme and who is signed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import template
from django.db.models import F, QuerySet, Value
from django.http import HttpRequest
from django.urls import ResolverMatch, reverse
from django.utils.translation import gettext_lazy as _

from projects_app.models import Project, Role, User
from projects_app.pages import LAST_PROJECT
from projects_app.selectors import projects_of

register = template.Library()

HOME = "projects:home"
# Group, words, address: a group is one row of the menu on a phone.
PLACES = (
    (_("Start"), _("Home"), HOME),
    (_("Improve"), _("Prompts"), "prompts:list"),
    (_("Improve"), _("Jobs"), "jobs:list"),
    (_("Improve"), _("Insights"), "insights:list"),
    (_("Improve"), _("Playground"), "playground:page"),
    (_("Data"), _("Feedback"), "feedback:list"),
    (_("Data"), _("Datasets"), "datasets:list"),
    (_("Data"), _("Labelling"), "labelling:tasks"),
    (_("Manage"), _("Spend"), "spend:page"),
    (_("Manage"), _("Audit"), "audit:list"),
    (_("Manage"), _("Settings"), "settings:page"),
)
ROLES = {
    Role.VIEWER.value: _("Viewer"),
    Role.EDITOR.value: _("Editor"),
    Role.APPROVER.value: _("Approver"),
    Role.ADMIN.value: _("Admin"),
}
# Pages that lie below another place than their own address says.
BELOW = {
    "notifications": "settings",
    "evaluator": "prompts",
    "jobs:results": "prompts",
    "jobs:evaluate": "prompts",
}
MOST_PROJECTS = 20


@dataclass(frozen=True)
class Link:
    """`current` is what aria-current says: `page`, `true` for a page below it, or nothing."""

    label: str
    url: str
    current: str = ""


@dataclass(frozen=True)
class Group:
    label: str
    links: list[Link]


@register.inclusion_tag("shell/_header.html", takes_context=True)
def site_header(context: dict[str, Any]) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    user = request.user
    if not isinstance(user, User):
        return {"user": user}
    projects = list(_with_roles(user)[: MOST_PROJECTS + 1])
    current = _current(request, context, projects)
    match = request.resolver_match
    return {
        "request": request,
        "user": user,
        "current": current,
        "role": _role(user, current, projects),
        "others": [_elsewhere(one, match) for one in projects[:MOST_PROJECTS] if one != current],
        "has_more": len(projects) > MOST_PROJECTS,
        "groups": _groups(current, match) if current else [],
        "is_admin": bool(match and match.namespace == "admin"),
    }


def _with_roles(user: User) -> QuerySet[Project]:
    """Return the projects with the member's role, in one query."""
    role = Value(Role.ADMIN.value) if user.is_superuser else F("memberships__role")
    return projects_of(user).annotate(role=role)


def _current(
    request: HttpRequest, context: dict[str, Any], projects: list[Project]
) -> Project | None:
    """Return the page's project; outside of projects the one last looked at."""
    chosen = getattr(request, "project", None) or context.get("project")
    if isinstance(chosen, Project):
        return chosen
    last = request.COOKIES.get(LAST_PROJECT, "")
    return next((one for one in projects if one.slug == last), projects[0] if projects else None)


def _role(user: User, current: Project | None, projects: list[Project]) -> Any:
    if user.is_superuser:
        return ROLES[Role.ADMIN.value]
    found = [one for one in projects if one == current]
    return ROLES.get(found[0].role) if found else ""  # type: ignore[attr-defined]


def _elsewhere(project: Project, match: ResolverMatch | None) -> Link:
    """Link to the same list in another project, else to its first page."""
    if match is not None and set(match.kwargs) == {"project"}:
        return Link(project.name, _address(match.view_name, project))
    return Link(project.name, _address(HOME, project))


def _groups(project: Project, match: ResolverMatch | None) -> list[Group]:
    found = (
        (group, Link(str(label), _address(view, project), _mark(view, match)))
        for group, label, view in PLACES
    )
    return [Group(str(label), _links(rows)) for label, rows in groupby(found, lambda one: one[0])]


def _links(rows: Iterable[tuple[Any, Link]]) -> list[Link]:
    return [link for _group, link in rows]


def _mark(view: str, match: ResolverMatch | None) -> str:
    """Compare whole names, never how an address begins: every address begins like the first."""
    if match is None:
        return ""
    if match.view_name == view:
        return "page"
    room = BELOW.get(match.view_name) or BELOW.get(match.namespace, match.namespace)
    return "true" if room and room == view.split(":", maxsplit=1)[0] else ""


def _address(view: str, project: Project) -> str:
    return reverse(view, kwargs={"project": project.slug})
