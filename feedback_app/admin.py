"""Feedback, datasets and examples in the admin: to read and to search."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from feedback_app.models import Dataset, Example, Feedback
from feedback_app.services.datasets import dataset_create, dataset_declare
from feedback_app.services.protection import examples_protect
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.admin_forms import ServiceForm
from projects_app.admin_scope import ProjectScopedAdmin, actor_of


@admin.register(Feedback)
class FeedbackAdmin(ProjectScopedAdmin):
    list_display = ("created_at", "task", "score", "thumb", "origin", "event_id")
    list_filter = ("origin", "thumb")
    list_select_related = ("task",)
    search_fields = ("event_id__exact",)
    search_help_text = "A whole event id; the inbox finds by its filters."
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Leave out what became hold-out rows, which the inbox shows without their texts."""
        return super().get_queryset(request).exclude(example__split=Split.TEST.value)


@admin.register(Dataset)
class DatasetAdmin(ProjectScopedAdmin):
    can_add = True
    can_change = True
    fields = ("project", "task", "name", "is_representative")
    list_display = ("name", "project", "task", "is_representative", "created_at")
    list_select_related = ("project", "task")
    search_fields = ("name",)
    ordering = ("name", "id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "task", "name") if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        if not change:
            return dataset_create(actor=actor, **form.cleaned_data)
        declared = form.cleaned_data["is_representative"]
        return dataset_declare(actor=actor, dataset=form.instance, is_representative=declared)


@admin.register(Example)
class ExampleAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    actions = ("export_csv", "protect", "release")
    list_display = (
        *("public_id", "task", "split", "origin", "is_deciding", "is_protected"),
        *("looks", "created_at"),
    )
    list_filter = ("split", "origin", "is_deciding", "is_protected")
    list_select_related = ("task__project",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Leave out the hold-out: a row that a person has seen cannot prove anything."""
        return super().get_queryset(request).exclude(split=Split.TEST.value)

    @admin.action(description="Protect: no new version may break them", permissions=["write"])
    def protect(self, request: HttpRequest, queryset: Any) -> None:
        self._mark(request, queryset, is_protected=True)

    @admin.action(description="Protect no longer", permissions=["write"])
    def release(self, request: HttpRequest, queryset: Any) -> None:
        self._mark(request, queryset, is_protected=False)

    def _mark(self, request: HttpRequest, queryset: Any, *, is_protected: bool) -> None:
        rows = list(queryset.select_related("task__project"))
        own = [row for row in rows if self.may(request, row, self.write_role)]
        changed = 0
        for project in {row.task.project for row in own}:
            mine = [row for row in own if row.task.project == project]
            actor = actor_of(request, project)
            changed += examples_protect(actor=actor, examples=mine, is_protected=is_protected)
        messages.success(
            request, f"{changed} {'protected' if is_protected else 'protected no longer'}."
        )
        if len(own) < len(rows):
            messages.error(request, "Only an editor of its project protects an example.")
