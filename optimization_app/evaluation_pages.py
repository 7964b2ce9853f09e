"""The page that says what an evaluation would cost, and starts it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from feedback_app.models import Dataset
from kaizen_engine.errors import KaizenError
from kaizen_engine.states import Split
from optimization_app.evaluation_words import SPLIT_NAMES
from optimization_app.services.evaluate import EvaluationPlan, evaluation_plan, evaluation_start
from optimization_app.services.evaluate_rows import ALL
from projects_app.exceptions import NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.models import PromptVersion
from prompts_app.review_page import money
from tasks_app.selectors import task_get

CHOICES = (
    (Split.DEV.value, SPLIT_NAMES[Split.DEV.value]),
    (Split.TRAIN.value, SPLIT_NAMES[Split.TRAIN.value]),
    (ALL, "Train and dev"),
)


@dataclass(frozen=True)
class Asked:
    """What the form says; a name that it cannot have is left to the service to refuse."""

    split: str
    look: bool
    dataset: str

    @classmethod
    def of(cls, form: QueryDict) -> "Asked":
        return cls(form.get("split", "dev"), "look" in form, form.get("dataset", ""))

    @property
    def arguments(self) -> dict[str, Any]:
        config = {"dataset_id": self.dataset} if self.dataset else {}
        return {"split": self.split, "look": self.look, "config": config}


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def evaluate_page(visit: Visit, task: str, number: int) -> HttpResponse:
    """Count the calls on GET, start on POST; editors and up."""
    version = _version(visit, task, number)
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied("an evaluation needs the editor role")
    if visit.request.method == "POST":
        return _start(visit, version, Asked.of(visit.request.POST))
    return _show(visit, version, Asked.of(visit.request.GET))


def _start(visit: Visit, version: PromptVersion, asked: Asked) -> HttpResponse:
    try:
        job, _ = evaluation_start(
            actor=visit.actor,
            version=version,
            trigger="page",
            **asked.arguments,
            confirm="confirm" in visit.request.POST,
        )
    except KaizenError as error:
        messages.error(visit.request, str(error))
        return _show(visit, version, asked)
    return redirect("jobs:job", project=visit.project.slug, job_id=job.public_id)


def _show(visit: Visit, version: PromptVersion, asked: Asked) -> HttpResponse:
    plan, refusal = None, ""
    try:
        plan = evaluation_plan(version, **asked.arguments)
    except KaizenError as error:
        refusal = str(error)
    context = {
        "project": visit.project,
        "version": version,
        "asked": asked,
        "choices": CHOICES,
        "datasets": Dataset.objects.filter(task=version.task, frozen_at__isnull=False),
        "refusal": refusal,
        "plan": plan,
        "facts": _facts(plan) if plan else [],
        "needs_word": bool(plan and _needs_word(plan)),
    }
    return render(visit.request, "optimization_app/evaluate.html", context)


def _facts(plan: EvaluationPlan) -> list[tuple[str, str]]:
    found = plan.estimate.to_json()
    rows = [f"{count:,} {name}" for name, count in found["rows"].items() if count]
    low, high = found["calls"]
    facts = [
        ("Rows", ", ".join(rows) or "none yet"),
        ("Calls to models", f"{low:,}" if low == high else f"{low:,} to {high:,}"),
        ("Answers already paid for", f"{found['cached']:,}"),
        ("Cost, about", " to ".join(money(usd) for usd in found["usd"])),
        ("At most", money(plan.config.budget_usd)),
    ]
    if found["undealt"]:
        facts.insert(1, ("Rows that get their split at the start", f"{found['undealt']:,}"))
    return facts


def _needs_word(plan: EvaluationPlan) -> bool:
    limit = plan.task.project.confirm_over_usd
    return (
        limit is not None
        and plan.estimate.range.usd_high is not None
        and (plan.estimate.range.usd_high > limit)
    )


def _version(visit: Visit, slug: str, number: int) -> PromptVersion:
    try:
        task = task_get(visit.project, slug)
    except NotHere as error:
        raise Http404(str(error)) from error
    version = PromptVersion.objects.filter(task=task, number=number).first()
    if version is None:
        raise Http404("there is no such version")
    version.task = task
    return version
