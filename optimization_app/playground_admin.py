"""Runs of the playground in the admin: who tried what, with a link to the page that shows it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from optimization_app.models import PlaygroundRun
from projects_app.admin_scope import ProjectScopedAdmin


@admin.register(PlaygroundRun)
class PlaygroundRunAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("public_id", "task", "started_by_label", "state", "budget_usd", "created_at")
    list_select_related = ("task",)
    list_filter = ("state",)
    search_fields = ("task__slug", "started_by_label")
    ordering = ("-id",)
    fields = (
        *("task", "started_by_label", "state", "source", "is_scored", "budget_usd", "error"),
        *("created_at", "finished_at", "results"),
    )

    @admin.display(description="Results")
    def results(self, run: PlaygroundRun) -> str:
        address = reverse("playground:run", args=[run.task.project.slug, run.public_id])
        return format_html('<a href="{}">Open in the playground</a>', address)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("results",)
