"""Versions and tags in the admin: to read, to approve, to reject, to roll back."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from kaizen_engine.states import Verdict
from projects_app.admin_forms import decide
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.models import Role
from prompts_app import git_admin  # noqa: F401 - it registers the admins of git
from prompts_app.models import GateResult, PromptVersion, Tag
from prompts_app.places import version_place
from prompts_app.review_page import review_page, score_of, standing
from prompts_app.selectors import PRODUCTION, may_be_proposed
from prompts_app.services.decisions import needs_second_person
from prompts_app.services.pulls import pull_propose
from prompts_app.services.review import version_approve, version_reject
from prompts_app.services.tags import tag_rollback

PROPOSED = "Proposed: the pull request is opened within a minute."
Decision = Callable[[Any, PromptVersion, str], object]
DECISIONS: dict[str, tuple[Decision, str]] = {
    "approve": (
        lambda actor, version, reason: version_approve(actor=actor, version=version, reason=reason),
        "Approved: {} is live; clients get it within 15 seconds.",
    ),
    "override": (
        lambda actor, version, reason: version_approve(
            actor=actor, version=version, reason=reason, override=True
        ),
        "Approved without the evidence: {} is live, and the reason is kept.",
    ),
    "reject": (
        lambda actor, version, reason: version_reject(actor=actor, version=version, reason=reason),
        "Rejected: {}.",
    ),
    "rollback": (
        lambda actor, version, reason: tag_rollback(
            actor=actor, task=version.task, version=version, reason=reason
        ),
        "Rolled back: {} is live again.",
    ),
}


class ReasonActionForm(ActionForm):
    reason = forms.CharField(required=False, max_length=500, label="Reason to reject")


@admin.register(PromptVersion)
class PromptVersionAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("__str__", "stands", "scores", "measured", "author_label", "created_at")
    list_filter = ("review_state", "verdict")
    list_select_related = ("task",)
    search_fields = ("task__slug", "hash__startswith")
    ordering = ("-id",)
    actions = ("export_csv", "reject")
    action_form = ReasonActionForm
    fields = ("number", "task", "hash", "review_state", "author_label", "change_reason")
    change_form_template = "admin/prompts_app/promptversion/change_form.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("task__project")
        return rows.prefetch_related("tags", "gates")

    @admin.display(description="State", ordering="review_state")
    def stands(self, version: PromptVersion) -> str:
        is_live = any(tag.name == PRODUCTION for tag in version.tags.all())
        return standing(version, is_live=is_live, gates=version.gates.all())

    @admin.display(description="Verdict", ordering="verdict")
    def measured(self, version: PromptVersion) -> str:
        is_measured = version.verdict != Verdict.NONE
        return version.get_verdict_display() if is_measured else "Not measured"

    @admin.display(description="Score, before to after")
    def scores(self, version: PromptVersion) -> str | None:
        score = score_of(version.evidence)
        return f"{score.before:.1%} to {score.after:.1%}" if score else None

    @admin.action(description="Reject the chosen drafts, with the reason", permissions=["reject"])
    def reject(self, request: HttpRequest, queryset: Any) -> None:
        """There is no such action to promote: each version goes live on its own evidence."""
        for version in queryset.select_related("task__project"):
            self._decide(request, version, "reject")

    def has_reject_permission(self, request: HttpRequest) -> bool:
        return self.may(request, None, Role.APPROVER)

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        name = "prompts_app_promptversion_decide"
        propose = self.admin_site.admin_view(require_POST(self.propose))
        own = [
            path("<path:object_id>/decide/<str:decision>/", decide, name=name),
            path("<path:object_id>/propose/", propose, name="prompts_app_promptversion_propose"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        extra = {**(extra_context or {})}
        if version is not None:
            page = review_page(version)
            extra |= {
                "page": page,
                "may_decide": self.may(request, version, Role.APPROVER),
                "may_propose": self.may(request, version, Role.EDITOR) and may_be_proposed(version),
                "may_evaluate": self.may(request, version, Role.EDITOR),
                "needs_another": needs_second_person(
                    actor_of(request, version.task.project), version
                ),
                "title": str(version),
                "subtitle": None,
                **self._places(request, version, page.live),
            }
        return super().change_view(request, object_id, form_url, extra)

    def _places(
        self, request: HttpRequest, version: PromptVersion, live: PromptVersion | None
    ) -> dict[str, str]:
        """Return where the version is compared, and where its text begins a new draft."""
        task = version.task
        where = {"project": task.project.slug, "task": task.slug, "number": version.number}
        places = {"compare_place": version_place(version, live.number if live else None)}
        if self.may(request, version, Role.EDITOR):
            places["duplicate_place"] = reverse("prompts:edit", kwargs=where)
        return places

    def decide(self, request: HttpRequest, object_id: str, decision: str) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None or decision not in DECISIONS:
            raise Http404
        if not self.may(request, version, Role.APPROVER):
            raise PermissionDenied
        self._decide(request, version, decision)
        return redirect("admin:prompts_app_promptversion_change", version.pk)

    def _decide(self, request: HttpRequest, version: PromptVersion, decision: str) -> None:
        actor = actor_of(request, version.task.project)
        perform, success = DECISIONS[decision]
        decide(request, lambda why: perform(actor, version, why), success.format(version))

    def propose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None:
            raise Http404
        if not self.may(request, version, Role.EDITOR):
            raise PermissionDenied
        actor = actor_of(request, version.task.project)
        decide(request, lambda _: pull_propose(actor=actor, version=version), PROPOSED)
        return redirect("admin:prompts_app_promptversion_change", version.pk)


@admin.register(Tag)
class TagAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("name", "task", "version", "revision", "moved_at")
    list_select_related = ("task", "version__task")
    search_fields = ("name", "task__slug")


@admin.register(GateResult)
class GateResultAdmin(ProjectScopedAdmin):
    project_path = "version__task__project"
    list_display = ("name", "version", "outcome", "basis", "actor", "created_at")
    list_select_related = ("version__task",)
    list_filter = ("outcome", "basis")
    search_fields = ("name", "version__task__slug")
    ordering = ("-id",)
