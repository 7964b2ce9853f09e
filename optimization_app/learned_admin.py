"""What jobs learnt and people labelled, in the admin: to read and to search."""

from django.contrib import admin

from optimization_app.models import (
    BudgetEvent,
    Insight,
    JudgePassport,
    LabelItem,
    SuggestedExample,
)
from projects_app.admin_scope import ProjectScopedAdmin


@admin.register(Insight)
class InsightAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("name", "task", "life", "state", "failures", "scored", "updated_at")
    list_filter = ("life", "state")
    list_select_related = ("task",)
    search_fields = ("name", "task__slug")
    ordering = ("-id",)


@admin.register(SuggestedExample)
class SuggestedExampleAdmin(ProjectScopedAdmin):
    project_path = "insight__task__project"
    list_display = ("public_id", "insight", "state", "writer", "decided_by", "created_at")
    list_filter = ("state",)
    list_select_related = ("insight", "decided_by")
    ordering = ("-id",)


@admin.register(LabelItem)
class LabelItemAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    # Whoever labels must not have read the answers in another order.
    kept_back = frozenset({"inputs", "answer", "reference"})
    list_display = ("public_id", "task", "kind", "created_at")
    list_filter = ("kind",)
    list_select_related = ("task",)
    ordering = ("-id",)
    fields = ("public_id", "task", "kind", "created_at")


@admin.register(JudgePassport)
class JudgePassportAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("task", "judge_hash", "labels", "kappa_low", "floor", "created_at")
    list_select_related = ("task",)
    ordering = ("-id",)


@admin.register(BudgetEvent)
class BudgetEventAdmin(ProjectScopedAdmin):
    project_path = "job__task__project"
    list_display = ("job", "percent", "spent_usd", "spent_tokens")
    list_select_related = ("job__task",)
    ordering = ("-id",)
