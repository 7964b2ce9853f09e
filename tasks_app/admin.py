"""Tasks in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from kaizen_engine.optimize.strategy import STRATEGIES
from projects_app.actors import Actor
from projects_app.admin_forms import JsonObjectField, ServiceForm
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.exceptions import ServiceError
from projects_app.models import Role
from tasks_app.models import Task
from tasks_app.services import task_archive, task_create, task_update

SPELLING = "As connection/model, for example openai/gpt-4o-mini."
WORDS: dict[str, tuple[str, str]] = {
    "slug": ("Short name", "What applications call it: small letters, digits and dashes."),
    "feedback_origin": (
        "Where feedback comes from",
        "Random: every call or a random sample is scored. User: people react when they like.",
    ),
    "good_score": ("Good from score", "An answer with at least this score, 0 to 1, is an example."),
    "minimum_effect": ("Smallest gain that counts", "0.02 is two points of a hundred."),
    "judge_floor": (
        "Agreement a judge needs",
        "Lower bound of Cohen's kappa with people's labels; below it nothing is confirmed.",
    ),
    "auto_trigger": ("Start jobs by themselves", "Once enough new feedback has come in."),
    "threshold": ("New feedback for a job", "Feedback that no job has used yet."),
    "cron": (
        "Start on a schedule",
        "Cron in UTC, as in 0 3 * * 1 for Mondays at three. Left empty: no schedule.",
    ),
    "num_trials": ("Candidates to try", ""),
    "max_demos": ("Most examples in a prompt", ""),
    "budget_usd": ("Budget in US dollars", "A job stops before it would spend more."),
    "budget_tokens": ("Budget in tokens", "Left empty: no limit."),
    "minutes": ("Time limit in minutes", ""),
    "locked_text": (
        "Locked passages",
        'Texts of the prompt that no new version may change: ["Never give advice."]',
    ),
    "notes": ("Wishes", "What answers should be like, one a line; gepa and analyst read them."),
    "max_cost_ratio": (
        "Most that a call may cost",
        "Of what one costs now: 1.5 is half as much again. Left empty: shown, and no bound.",
    ),
    "max_latency_ratio": (
        "Longest that a call may take",
        "Of what one takes now. Left empty: shown, and no bound.",
    ),
}


class TaskForm(ServiceForm):
    student = forms.CharField(
        required=False, label="Model", help_text=f"{SPELLING} Empty while the task is set up."
    )
    teacher = forms.CharField(
        required=False,
        label="Model that teaches",
        help_text=f"{SPELLING} Empty: the model itself.",
    )
    input_schema = JsonObjectField(
        required=False, label="Inputs", help_text="A JSON Schema of an object; {} takes anything."
    )
    output_schema = JsonObjectField(
        required=False, label="Answer", help_text="A JSON Schema of an object; {} takes anything."
    )
    evaluator = JsonObjectField(
        label="How an answer is scored",
        help_text="A kind with its settings, or a composite of several; see the guide.",
    )
    optimizer = forms.ChoiceField(choices=[(name, name) for name in STRATEGIES])
    reasoning = forms.TypedChoiceField(
        required=False,
        label="Reasoning before the answer",
        help_text="A new version writes a reasoning first; applications do not see it.",
        choices=[("", "as the prompt of today"), (True, "yes"), (False, "no")],
        coerce=lambda chosen: str(chosen) == "True",
        empty_value=None,
    )

    class Meta:
        model = Task
        fields: ClassVar = ["project", "slug", "name"]
        labels: ClassVar = {name: label for name, (label, _) in WORDS.items()}
        help_texts: ClassVar = {name: text for name, (_, text) in WORDS.items() if text}
        widgets: ClassVar = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        task = self.instance
        if task.pk and "student" in self.fields:
            self.initial["student"] = task.student
            self.initial["teacher"] = task.teacher if task.teacher_connection_id else ""

    def clean_locked_text(self) -> Any:
        return self.cleaned_data["locked_text"] or []


@admin.register(Task)
class TaskAdmin(ProjectScopedAdmin):
    form = TaskForm
    can_add = True
    can_change = True
    actions = ("export_csv", "archive", "restore")
    list_display = ("slug", "student", "threshold", "auto_trigger", "feedback_origin", "project")
    list_select_related = ("project", "student_connection")
    list_filter = (
        *("optimizer", "auto_trigger"),
        ("archived_at", admin.EmptyFieldListFilter),
    )
    lookups = ("archived_at",)
    search_fields = ("slug", "name")
    fieldsets = (
        (None, {"fields": ("project", "slug", "name", "description")}),
        ("What goes in and comes out", {"fields": ("input_schema", "output_schema")}),
        ("Models", {"fields": ("student", "teacher")}),
        (
            "How feedback is read",
            {
                "fields": (
                    "evaluator",
                    "feedback_origin",
                    "good_score",
                    "minimum_effect",
                    "judge_floor",
                )
            },
        ),
        ("When a job starts", {"fields": ("auto_trigger", "threshold", "cron", "next_run_at")}),
        (
            "What a job may do",
            {
                "fields": (
                    ("optimizer", "num_trials", "max_demos"),
                    "reasoning",
                    ("budget_usd", "budget_tokens", "minutes"),
                )
            },
        ),
        (
            "What a new version has to keep",
            {"fields": ("locked_text", "notes", ("max_cost_ratio", "max_latency_ratio"))},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "slug", "next_run_at") if obj else ("next_run_at",)

    @admin.display(description="Model", ordering="student_model", empty_value="not set yet")
    def student(self, task: Task) -> str | None:
        return task.student or None

    @admin.action(description="Archive: served and known no longer", permissions=["archive"])
    def archive(self, request: HttpRequest, queryset: Any) -> None:
        self._put_away(request, queryset, is_archived=True)

    @admin.action(description="Restore from the archive", permissions=["archive"])
    def restore(self, request: HttpRequest, queryset: Any) -> None:
        self._put_away(request, queryset, is_archived=False)

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return self.may(request, None, Role.ADMIN)

    def _put_away(self, request: HttpRequest, queryset: Any, *, is_archived: bool) -> None:
        word, changed = "archived" if is_archived else "restored", 0
        for task in queryset.select_related("project"):
            try:
                actor = actor_of(request, task.project)
                changed += task_archive(actor=actor, task=task, is_archived=is_archived)
            except ServiceError as error:
                messages.error(request, f"{task.slug}: {error}.")
        messages.success(request, f"{changed} {word}.")

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        if not change:
            return task_create(actor=actor, **form.cleaned_data)
        stored = Task.objects.get(pk=form.instance.pk)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        return task_update(actor=actor, task=stored, **changes)
