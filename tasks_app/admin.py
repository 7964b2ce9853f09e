"""Tasks in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from projects_app.actors import Actor
from projects_app.admin_scope import ProjectScopedAdmin, ServiceForm
from tasks_app.models import Task
from tasks_app.services import task_create, task_update

MODELS = "Written as <connection slug>/<model>. Empty while the task is being set up."


class TaskForm(ServiceForm):
    student = forms.CharField(required=False, help_text=MODELS)
    teacher = forms.CharField(required=False, help_text=f"{MODELS} Empty: the student teaches.")

    class Meta:
        model = Task
        fields: ClassVar = ["project", "slug", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("student", "teacher"):
            if name in self.fields and self.instance.pk:
                self.initial.setdefault(name, getattr(self.instance, name))


@admin.register(Task)
class TaskAdmin(ProjectScopedAdmin):
    form = TaskForm
    can_add = True
    can_change = True
    list_display = ("slug", "project", "student", "threshold", "auto_trigger", "feedback_origin")
    list_select_related = ("project", "student_connection")
    list_filter = ("optimizer", "auto_trigger")
    search_fields = ("slug", "name")
    fieldsets = (
        (None, {"fields": ("project", "slug", "name", "description")}),
        ("Contract", {"fields": ("input_schema", "output_schema")}),
        ("Models", {"fields": ("student", "teacher")}),
        (
            "How feedback is read",
            {"fields": ("metric", "feedback_origin", "good_score", "minimum_effect")},
        ),
        ("When a job starts", {"fields": ("auto_trigger", "threshold")}),
        (
            "What a job may do",
            {
                "fields": (
                    "optimizer",
                    "num_trials",
                    "max_demos",
                    "budget_usd",
                    "budget_tokens",
                    "minutes",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "slug") if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        if not change:
            return task_create(actor=actor, **form.cleaned_data)
        stored = Task.objects.get(pk=form.instance.pk)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        return task_update(actor=actor, task=stored, **changes)
