"""Setting and removing tags of a team's own; what is live is not among them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kaizen_engine.errors import KaizenError
from projects_app.exceptions import Conflict, NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.prompt_pages import overview, task_of
from prompts_app.services.own_tags import tag_remove, tag_set
from prompts_app.tag_form import TagForm


@require_POST
@project_page
def set_tag(visit: Visit, task: str) -> HttpResponse:
    found = task_of(visit, task)
    _require_editor(visit)
    form = TagForm(found, visit.request.POST)
    if not form.is_valid():
        return overview(visit, found, form, status=400)
    name, version = form.cleaned_data["name"], form.cleaned_data["number"]
    try:
        tag_set(actor=visit.actor, task=found, name=name, version=version)
    except KaizenError as error:
        form.add_error("number" if _is_about_version(error) else "name", str(error))
        return overview(visit, found, form, status=409 if isinstance(error, Conflict) else 400)
    said = _("The tag %(name)s names version %(number)s.")
    messages.success(visit.request, said % {"name": name, "number": version.number})
    return redirect("prompts:prompt", visit.project.slug, found.slug)


@require_POST
@project_page
def remove_tag(visit: Visit, task: str, name: str) -> HttpResponse:
    found = task_of(visit, task)
    _require_editor(visit)
    seen = visit.request.POST.get("seen", "")
    revision = int(seen[:9]) if seen.isdecimal() else 0
    try:
        tag_remove(actor=visit.actor, task=found, name=name, revision=revision)
    except NotHere as error:
        raise Http404(str(error)) from error
    except KaizenError as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, _("The tag %(name)s is removed.") % {"name": name})
    return redirect("prompts:prompt", visit.project.slug, found.slug)


def _is_about_version(error: KaizenError) -> bool:
    return error.code in {"rejected", "unknown_version"}


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied("this needs the editor role")
