"""What every page of a project begins with: who is looking, at which project, and what they may."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from projects_app.actors import Actor
from projects_app.models import Project, Role, User
from projects_app.selectors import projects_of


@dataclass(frozen=True)
class Visit:
    """A member on a page of one of their projects."""

    request: HttpRequest
    project: Project
    actor: Actor

    def allows(self, role: Role) -> bool:
        return self.actor.allows(role=role)


# Where the header stays outside of projects: the project whose page was looked at last.
LAST_PROJECT = "kaizen_project"
A_YEAR_S = 365 * 24 * 3600

Page = Callable[Concatenate[Visit, ...], HttpResponseBase]


def project_page(page: Page) -> Callable[..., HttpResponseBase]:
    """Sign the visitor in and find the project; 404 for one they are no member of."""

    @login_required
    @wraps(page)
    def view(request: HttpRequest, project: str, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            raise Http404
        found = projects_of(user).filter(slug=project).first()
        if found is None:
            raise Http404
        actor = Actor.member(
            user,
            found,
            request_id=getattr(request, "request_id", ""),
            ip=request.META.get("REMOTE_ADDR") or None,
        )
        request.project = found  # type: ignore[attr-defined]
        response = page(Visit(request, found, actor), **kwargs)
        if request.COOKIES.get(LAST_PROJECT) != found.slug:
            response.set_cookie(
                LAST_PROJECT,
                found.slug,
                max_age=A_YEAR_S,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response

    return view
