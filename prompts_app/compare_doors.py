"""The decisions on a version: each a form of the compare page, and a page without script.

What a service refuses is said on that page, next to the field where it belongs to one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from kaizen_engine.errors import KaizenError
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import Role, ServeOn
from projects_app.pages import Visit, project_page
from prompts_app.compare_page import seen_revision
from prompts_app.compare_pages import compare_context, pair_of, version_of
from prompts_app.models import PromptVersion
from prompts_app.services.edits import version_edit
from prompts_app.services.review import version_approve, version_reject
from prompts_app.services.tags import tag_rollback

STATUS: Mapping[type[KaizenError], int] = {NotAllowed: 403, NotHere: 404, Conflict: 409}
LONGEST_REASON = 500


class DecisionForm(forms.Form):
    """`seen` is the revision of what was live when the page was made."""

    reason = forms.CharField(required=False, max_length=LONGEST_REASON)
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


class EditForm(forms.Form):
    system = forms.CharField(required=False, strip=False, label=_("Instruction"))
    user_template = forms.CharField(strip=False, label=_("User message"))
    reason = forms.CharField(
        required=False, max_length=LONGEST_REASON, label=_("Why, in a line (optional)")
    )


@dataclass(frozen=True)
class Decision:
    """`perform` calls the service; `said` is for when it worked, with the version's number."""

    name: str
    perform: Callable[[Actor, PromptVersion, str, int | None], object]
    said: str


def _approve(*, override: bool) -> Callable[[Actor, PromptVersion, str, int | None], object]:
    def perform(actor: Actor, version: PromptVersion, reason: str, seen: int | None) -> object:
        return version_approve(
            actor=actor,
            version=version,
            reason=reason,
            override=override,
            expected_revision=seen,
        )

    return perform


def _reject(actor: Actor, version: PromptVersion, reason: str, _: int | None) -> object:
    return version_reject(actor=actor, version=version, reason=reason)


PROMOTE = Decision("promote", _approve(override=False), "Version {} is approved")
OVERRIDE = Decision(
    "override",
    _approve(override=True),
    "Version {} is approved against its checks, with your reason",
)
REJECT = Decision("reject", _reject, "Version {} is rejected")


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def promote(visit: Visit, task: str, a: int, b: int) -> HttpResponse:
    return _decide(visit, task, a, b, PROMOTE)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def override(visit: Visit, task: str, a: int, b: int) -> HttpResponse:
    return _decide(visit, task, a, b, OVERRIDE)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def reject(visit: Visit, task: str, a: int, b: int) -> HttpResponse:
    return _decide(visit, task, a, b, REJECT)


def _decide(visit: Visit, task: str, a: int, b: int, decision: Decision) -> HttpResponse:
    before, after = pair_of(visit, task, a, b)
    _require(visit, Role.APPROVER)
    if visit.request.method != "POST":
        form = DecisionForm(initial={"seen": seen_revision(after)})
        return _ask(visit, before, after, decision, form)
    form = DecisionForm(visit.request.POST)
    if not form.is_valid():
        return _ask(visit, before, after, decision, form, status=400)
    reason, seen = form.cleaned_data["reason"], form.cleaned_data["seen"]
    try:
        decision.perform(visit.actor, after, reason, seen)
    except KaizenError as error:
        _put(form, error)
        return _ask(visit, before, after, decision, form, error, status=_status(error))
    messages.success(visit.request, _said(visit, decision, after))
    return redirect("prompts:compare", visit.project.slug, task, a, b)


def _said(visit: Visit, decision: Decision, version: PromptVersion) -> str:
    said = decision.said.format(version.number)
    if decision is REJECT:
        return f"{said}."
    if visit.project.serve_on == ServeOn.MERGE:
        return f"{said}. It goes live when its pull request is merged."
    return f"{said} and live: clients get it within 15 seconds."


def _ask(
    visit: Visit,
    before: PromptVersion,
    after: PromptVersion,
    decision: Decision,
    form: forms.Form,
    error: KaizenError | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        **compare_context(visit, before, after),
        "decision": decision.name,
        "form": form,
        "refusal": error,
        "is_stale": isinstance(error, Conflict),
    }
    return render(visit.request, "prompts_app/decide.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def edit(visit: Visit, task: str, number: int) -> HttpResponse:
    """Write a child of this version; it is evaluated before anybody can approve it."""
    version = version_of(visit, task, number)
    _require(visit, Role.EDITOR)
    if visit.request.method != "POST":
        return _edit_form(visit, version, EditForm(initial=version.artifact))
    form = EditForm(visit.request.POST)
    if not form.is_valid():
        return _edit_form(visit, version, form, status=400)
    try:
        made, is_new = version_edit(actor=visit.actor, version=version, **form.cleaned_data)
    except KaizenError as error:
        _put(form, error)
        return _edit_form(visit, version, form, error, status=_status(error))
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
    _require(visit, Role.APPROVER)
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
        return _refuse_rollback(visit, version, form, error, status=_status(error))
    said = f"Rolled back: version {number} is live again; clients get it within 15 seconds."
    messages.success(visit.request, said)
    return redirect(_next(visit))


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
        "back": _next(visit),
    }
    return render(visit.request, "prompts_app/refused.html", context, status=status)


def _next(visit: Visit) -> str:
    """Return where the visitor came from, if that is on this site."""
    wanted = visit.request.POST.get("next", "")
    hosts = {visit.request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(wanted, hosts, visit.request.is_secure())
    return wanted if is_ours else reverse("home")


def _require(visit: Visit, role: Role) -> None:
    if not visit.allows(role):
        raise PermissionDenied(f"this needs the {role} role")


def _put(form: forms.Form, error: KaizenError) -> None:
    """Set a refusal beside its field where it has one."""
    named = error.errors if isinstance(error, InvalidInput) else {}
    for name, words in named.items():
        form.add_error(name if name in form.fields else None, sentence(words))


def _status(error: KaizenError) -> int:
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
