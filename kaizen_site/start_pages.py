"""First steps by page: the demo, the checklist, and the first call of an application."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_engine.errors import KaizenError
from kaizen_site.demo.remove import demo_remove
from kaizen_site.demo.start import demo_start
from kaizen_site.snippets import first_snippets
from projects_app.exceptions import NotAllowed
from projects_app.models import ApiKey, Role, Scope
from projects_app.pages import Visit, project_page
from projects_app.services.first_steps import checklist_hide, checklist_show
from projects_app.services.keys import api_key_create

# What an application needs to log feedback and fetch its prompt, even of a prompt yet to be made.
APP_SCOPES = (Scope.FEEDBACK_WRITE.value, Scope.PROMPT_READ.value, Scope.TASK_CREATE.value)


@require_POST
@project_page
def demo_start_page(visit: Visit) -> HttpResponse:
    said = _("The demo is loaded: two jobs are queued, and the workers do them now.")
    return _done(visit, demo_start, said)


@require_POST
@project_page
def demo_remove_page(visit: Visit) -> HttpResponse:
    return _done(visit, demo_remove, _("The demo data is removed."))


@require_POST
@project_page
def checklist_page(visit: Visit) -> HttpResponse:
    """Hide the checklist, or show it again where the form says so."""
    if visit.request.POST.get("show"):
        return _done(visit, checklist_show, _("The checklist is shown again."))
    return _done(visit, checklist_hide, _("The checklist is hidden."))


@project_page
def connect_page(visit: Visit) -> HttpResponse:
    """Show how an application connects; a POST makes its key and shows it this once."""
    key, text = (None, "")
    if visit.request.method == "POST":
        key, text = _new_key(visit)
    response = render(visit.request, "kaizen_site/connect.html", _connecting(visit, key, text))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@project_page
def connected_fragment(visit: Visit, key: str) -> HttpResponse:
    """Answer the page's poll: 286 once the key was used, which ends it."""
    found = ApiKey.objects.filter(project=visit.project, prefix=key).first()
    if found is None:
        raise Http404
    context = {"project": visit.project, "key": found}
    response = render(visit.request, "kaizen_site/_connected.html", context)
    if found.last_used_at or found.revoked_at:
        response.status_code = HttpResponseStopPolling.status_code
    return response


def _new_key(visit: Visit) -> tuple[ApiKey, str]:
    try:
        return api_key_create(
            actor=visit.actor,
            project=visit.project,
            name=_("First app"),
            scopes=APP_SCOPES,
        )
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error


def _connecting(visit: Visit, key: ApiKey | None, text: str) -> dict[str, Any]:
    return {
        "project": visit.project,
        "key": key,
        "text": text,
        "may_administer": visit.allows(Role.ADMIN),
        "snippets": first_snippets(visit.project, settings.CONFIG.base_url),
    }


def _done(visit: Visit, act: Callable[..., Any], said: str) -> HttpResponse:
    try:
        act(actor=visit.actor, project=visit.project)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except KaizenError as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, said)
    return redirect("projects:home", project=visit.project.slug)
