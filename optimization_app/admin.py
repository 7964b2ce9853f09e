"""Jobs in the admin: where they stand, what they found, and Cancel."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from kaizen_engine.errors import KaizenError
from kaizen_engine.states import LIVE_JOB_STATES, JobState, Split, Verdict
from optimization_app import (
    learned_admin,  # noqa: F401 - it registers the admins of insights
    playground_admin,  # noqa: F401 - and this one the playground's
)
from optimization_app.models import EvaluationRow, Job, Trial
from optimization_app.selectors import job_sentence
from optimization_app.services.cancel import job_cancel
from optimization_app.services.rerun import job_rerun
from projects_app.admin_forms import decide
from projects_app.admin_lists import latest_filter
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.models import Role
from prompts_app.review_page import TONES, evidence_facts, money, score_of

MOST_RERUNS = 5
STOPPING = "The job stops within seconds; what it spent is kept."


@admin.register(Job)
class JobAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("short_id", "task", "state", "percent", "verdict", "spent", "created_at")
    list_filter = ("state", "verdict", "kind")
    list_select_related = ("task",)
    lookups = ("public_id",)
    search_fields = ("task__slug",)
    ordering = ("-id",)
    actions = ("export_csv", "rerun")
    fields = ("task", "kind", "state")
    change_form_template = "admin/optimization_app/job/change_form.html"

    @admin.display(description="Job", ordering="pk")
    def short_id(self, job: Job) -> str:
        return f"Job {job.pk}"

    @admin.display(description="Progress", ordering="progress")
    def percent(self, job: Job) -> str:
        return f"{job.progress} %"

    @admin.display(description="Spent", ordering="spent_usd")
    def spent(self, job: Job) -> str:
        return money(job.spent_usd)

    @admin.action(description="Run the chosen jobs again, at most five", permissions=["write"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Start each anew; what may cost more than the project allows unasked is refused here."""
        for job in queryset.select_related("task__project")[:MOST_RERUNS]:
            try:
                started, is_new = job_rerun(actor=actor_of(request, job.task.project), job=job)
            except KaizenError as error:
                messages.error(request, f"Job {job.pk}: {error}")
            else:
                said = "is queued" if is_new else "runs already"
                messages.success(request, f"Job {started.pk} {said}.")

    def get_urls(self) -> list[URLPattern]:
        cancel = self.admin_site.admin_view(require_POST(self.cancel))
        own = path("<path:object_id>/cancel/", cancel, name="optimization_app_job_cancel")
        return [own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        extra = {**(extra_context or {})}
        if job is not None:
            extra |= _page(job)
            where = {"project": job.task.project.slug, "job_id": job.public_id}
            extra["job_place"] = reverse("jobs:job", kwargs=where)
            extra["may_cancel"] = extra["is_live"] and self.may(request, job, Role.EDITOR)
        return super().change_view(request, object_id, form_url, extra)

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        if not self.may(request, job, Role.EDITOR):
            raise PermissionDenied
        actor = actor_of(request, job.task.project)
        decide(request, lambda why: job_cancel(actor=actor, job=job, reason=why), STOPPING)
        return redirect("admin:optimization_app_job_change", job.pk)


def _page(job: Job) -> dict[str, Any]:
    evidence = job.result.get("evidence") or {}
    return {
        "title": f"Job {job.pk} for {job.task}",
        "subtitle": None,
        "sentence": job_sentence(job),
        "tone": _tone(job),
        "score": score_of(evidence),
        "facts": _facts(job),
        "findings": [fact for fact in evidence_facts(evidence) if fact[0] != "Calls, cost"],
        "trials": [_trial(trial) for trial in job.trials.all()],
        "is_live": job.state in LIVE_JOB_STATES,
    }


def _tone(job: Job) -> str:
    if job.state == JobState.FAILED:
        return "is-bad"
    # That nothing better was found is no bad news about the job.
    tone = TONES.get(job.verdict, "")
    return tone if job.verdict not in {Verdict.EQUAL, Verdict.WORSE} else ""


def _facts(job: Job) -> list[tuple[str, str]]:
    facts = [
        ("Started by", f"{job.started_by_label} ({job.trigger})"),
        ("Optimizer", job.optimizer or "none: an evaluation"),
        ("Spent of its budget", f"{money(job.spent_usd)} of {money(job.budget_usd)}"),
        ("Calls to models", f"{job.calls:,}"),
    ]
    if job.attempts > 1:
        facts.append(("Attempt", f"{job.attempts} of {job.max_attempts}"))
    return facts


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "percent": f"{trial.score:.1%}",
        "length": f"{trial.score * 100:.1f}",
        "rows": trial.rows,
        "demos": len(trial.artifact.get("demos", ())),
        "is_best": trial.is_best,
    }


@admin.register(Trial)
class TrialAdmin(ProjectScopedAdmin):
    project_path = "job__task__project"
    list_display = ("number", "named_job", "score", "rows", "is_full", "is_best")
    list_select_related = ("job__task",)
    list_filter = ("is_full", "is_best")
    ordering = ("-id",)

    @admin.display(description="Job", ordering="job")
    def named_job(self, trial: Trial) -> str:
        return f"Job {trial.job_id} for {trial.job.task}"


@admin.register(EvaluationRow)
class EvaluationRowAdmin(ProjectScopedAdmin):
    project_path = "job__task__project"
    list_display = ("__str__", "named_job", "score", "text", "parse_error")
    list_select_related = ("job__task",)
    list_filter = (latest_filter("label", "label"),)
    lookups = ("label",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvaluationRow]:
        """Leave out the hold-out: a row that a person has seen cannot prove anything."""
        return super().get_queryset(request).exclude(label__endswith=f"_{Split.TEST.value}")

    @admin.display(description="Job", ordering="job")
    def named_job(self, row: EvaluationRow) -> str:
        return f"Job {row.job_id} for {row.job.task}"
