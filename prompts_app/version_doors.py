"""Edit, roll back and propose a version from its pages."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from kaizen_engine.errors import KaizenError
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.compare_doors import LONGEST_REASON, DecisionForm
from prompts_app.compare_pages import version_of
from prompts_app.models import PromptVersion
from prompts_app.refusals import put, require, sentence, status_of, way_back
from prompts_app.services.edits import version_edit
from prompts_app.services.pulls import pull_propose
from prompts_app.services.tags import tag_rollback


class EditForm(forms.Form):
    system = forms.CharField(
        required=False,
        strip=False,
        label=gettext_lazy("Instruction"),
        widget=forms.Textarea(attrs={"rows": 16}),
    )
    user_template = forms.CharField(
        strip=False,
        label=gettext_lazy("User message"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        label=gettext_lazy("Why, in a line (optional)"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def edit(visit: Visit, task: str, number: int) -> HttpResponse:
    """Write a child of this version; it is evaluated before anybody can approve it."""
    version = version_of(visit, task, number)
    require(visit, Role.EDITOR)
    if visit.request.method != "POST":
        return _edit_form(visit, version, EditForm(initial=version.artifact))
    form = EditForm(visit.request.POST)
    if not form.is_valid():
        return _edit_form(visit, version, form, status=400)
    try:
        made, is_new = version_edit(actor=visit.actor, version=version, **form.cleaned_data)
    except KaizenError as error:
        put(form, error)
        return _edit_form(visit, version, form, error, status=status_of(error))
    if not is_new:
        messages.warning(visit.request, f"That text is there already: it is version {made.number}.")
        return redirect("prompts:compare", visit.project.slug, task, number, made.number)
    said = f"Saved as version {made.number}. Evaluate it: then it can be approved."
    messages.success(visit.request, said)
    return redirect("jobs:evaluate", visit.project.slug, task, made.number)


def _edit_form(
    visit: Visit,
    version: PromptVersion,
    form: forms.Form,
    error: KaizenError | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "project": visit.project,
        "task": version.task,
        "version": version,
        "form": form,
        "refusal": error,
    }
    return render(visit.request, "prompts_app/edit.html", context, status=status)


@require_POST
@project_page
def rollback(visit: Visit, task: str, number: int) -> HttpResponse:
    """Make a version live that was live before: one click, never gated, always audited."""
    version = version_of(visit, task, number)
    require(visit, Role.APPROVER)
    form = DecisionForm(visit.request.POST)
    if not form.is_valid():
        return _refuse_rollback(visit, version, form, status=400)
    try:
        tag_rollback(
            actor=visit.actor,
            task=version.task,
            version=version,
            reason=form.cleaned_data["reason"],
            expected_revision=form.cleaned_data["seen"],
        )
    except KaizenError as error:
        return _refuse_rollback(visit, version, form, error, status=status_of(error))
    said = f"Rolled back: version {number} is live again; clients get it within 15 seconds."
    messages.success(visit.request, said)
    return redirect(way_back(visit))


@require_POST
@project_page
def propose(visit: Visit, task: str, number: int) -> HttpResponse:
    """Open the pull request that the version has not got, whatever its verdict."""
    version = version_of(visit, task, number)
    require(visit, Role.EDITOR)
    try:
        pull_propose(actor=visit.actor, version=version)
    except KaizenError as error:
        messages.error(visit.request, sentence(str(error)))
    else:
        said = _("Proposed: the pull request is opened within a minute.")
        messages.success(visit.request, said)
    return redirect(way_back(visit))


def _refuse_rollback(
    visit: Visit,
    version: PromptVersion,
    form: forms.Form,
    error: KaizenError | None = None,
    *,
    status: int,
) -> HttpResponse:
    context = {
        "project": visit.project,
        "version": version,
        "form": form,
        "refusal": error,
        "back": way_back(visit),
    }
    return render(visit.request, "prompts_app/refused.html", context, status=status)
