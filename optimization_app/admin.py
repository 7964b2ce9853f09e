"""Jobs in the admin: where they stand, what they found, and Cancel."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.models import EvaluationRow, Job, Trial
from optimization_app.selectors import job_sentence
from optimization_app.services.cancel import job_cancel
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.exceptions import ServiceError
from projects_app.models import Role
from prompts_app.review_page import evidence_facts, money


@admin.register(Job)
class JobAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("short_id", "task", "state", "verdict", "progress", "spent", "created_at")
    list_filter = ("state", "verdict", "optimizer")
    list_select_related = ("task",)
    search_fields = ("task__slug",)
    ordering = ("-id",)
    fields = ("task", "kind", "state")
    change_form_template = "admin/optimization_app/job/change_form.html"

    @admin.display(description="Job")
    def short_id(self, job: Job) -> str:
        return f"Job {job.pk}"

    @admin.display(description="Spent")
    def spent(self, job: Job) -> str:
        return money(job.spent_usd)

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
        extra = {"title": "Job", **(extra_context or {})}
        if job is not None:
            extra |= {
                "subtitle": None,
                "sentence": job_sentence(job),
                "facts": _facts(job),
                "is_live": job.state in LIVE_JOB_STATES,
                "may_cancel": self._may(request, job, Role.EDITOR),
            }
        return super().change_view(request, object_id, form_url, extra)

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        if not self._may(request, job, Role.EDITOR):
            return HttpResponse("This needs the editor role.", status=403)
        reason = request.POST.get("reason", "").strip()
        try:
            job_cancel(actor=actor_of(request, job.task.project), job=job, reason=reason)
        except ServiceError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The job stops within seconds; what it spent is kept.")
        return redirect("admin:optimization_app_job_change", job.pk)


def _facts(job: Job) -> list[tuple[str, str]]:
    facts = [
        ("Optimizer", job.optimizer),
        ("Started by", f"{job.started_by_label} ({job.trigger})"),
        ("Progress", f"{job.progress} %"),
        ("Spent of its budget", f"{money(job.spent_usd)} of {money(job.budget_usd)}"),
        ("Calls", str(job.calls)),
        ("Attempt", f"{job.attempts} of {job.max_attempts}"),
    ]
    return facts + evidence_facts(job.result.get("evidence", {}))


@admin.register(Trial)
class TrialAdmin(ProjectScopedAdmin):
    project_path = "job__task__project"
    list_display = ("number", "job", "score", "rows", "is_full", "is_best")
    list_filter = ("is_full", "is_best")
    ordering = ("-id",)


@admin.register(EvaluationRow)
class EvaluationRowAdmin(ProjectScopedAdmin):
    project_path = "job__task__project"
    list_display = ("job", "label", "score", "text", "parse_error")
    list_filter = ("label",)
    ordering = ("-id",)
