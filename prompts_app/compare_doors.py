"""The decisions on a version: each a form of the compare page, and a page without script.

What a service refuses is said on that page, next to the field where it belongs to one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kaizen_engine.errors import KaizenError
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role, ServeOn
from projects_app.pages import Visit, project_page
from prompts_app.compare_page import seen_revision
from prompts_app.compare_pages import compare_context, pair_of
from prompts_app.models import PromptVersion
from prompts_app.refusals import put, require, status_of
from prompts_app.services.review import version_approve, version_reject

LONGEST_REASON = 500


class DecisionForm(forms.Form):
    """`seen` is the revision of what was live when the page was made."""

    reason = forms.CharField(required=False, max_length=LONGEST_REASON)
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


@dataclass(frozen=True)
class Decision:
    """`perform` calls the service; `said` is for when it worked, with the version's number."""

    name: str
    perform: Callable[[Actor, PromptVersion, str, int | None], object]
    said: Any


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


def _reject(actor: Actor, version: PromptVersion, reason: str, seen: int | None) -> object:
    return version_reject(actor=actor, version=version, reason=reason)


PROMOTE = Decision("promote", _approve(override=False), gettext_lazy("Version {} is approved"))
OVERRIDE = Decision(
    "override",
    _approve(override=True),
    gettext_lazy("Version {} is approved against its checks, with your reason"),
)
REJECT = Decision("reject", _reject, gettext_lazy("Version {} is rejected"))


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
    require(visit, Role.APPROVER)
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
        put(form, error)
        return _ask(visit, before, after, decision, form, error, status=status_of(error))
    messages.success(visit.request, _said(visit, decision, after))
    return redirect("prompts:compare", visit.project.slug, task, a, b)


def _said(visit: Visit, decision: Decision, version: PromptVersion) -> str:
    said = str(decision.said).format(version.number)
    if decision is REJECT:
        return f"{said}."
    if visit.project.serve_on == ServeOn.MERGE:
        return f"{said}. " + _("It goes live when its pull request is merged.")
    return f"{said}, " + _("and live: clients get it within 15 seconds.")


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
