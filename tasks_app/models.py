"""A task: one thing an LLM is asked to do, and how it is judged and improved."""

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from kaizen_engine.states import FeedbackOrigin
from llm_app.models import Connection
from projects_app.choices import choices_of
from projects_app.models import Project
from tasks_app.cron import check_cron


class Task(models.Model):
    """Task and prompt are one to one; `public_id` is the API's `prompt_id`."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    input_schema = models.JSONField(default=dict)
    output_schema = models.JSONField(default=dict)
    student_connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="student_of"
    )
    student_model = models.CharField(max_length=200, blank=True, default="")
    teacher_connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="teacher_of"
    )
    teacher_model = models.CharField(max_length=200, blank=True, default="")
    metric = models.CharField(max_length=40, default="exact_match")
    feedback_origin = models.CharField(
        max_length=10,
        choices=choices_of(FeedbackOrigin),
        default=FeedbackOrigin.USER.value,
        help_text="random: every call, or a random sample of calls, is scored; user: people react.",
    )
    good_score = models.FloatField(
        default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    minimum_effect = models.FloatField(
        default=0.02, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    auto_trigger = models.BooleanField(default=True)
    threshold = models.PositiveIntegerField(
        default=50, validators=[MinValueValidator(1)], help_text="Unconsumed feedback for a job."
    )
    cron = models.CharField(
        max_length=100,
        blank=True,
        default="",
        validators=[check_cron],
        help_text="When a job starts besides, as cron in UTC; empty: never.",
    )
    next_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    optimizer = models.CharField(max_length=20, default="bootstrap")
    num_trials = models.PositiveSmallIntegerField(
        default=9, validators=[MinValueValidator(1), MaxValueValidator(15)]
    )
    max_demos = models.PositiveSmallIntegerField(
        default=8, validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    budget_usd = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(5), validators=[MinValueValidator(0)]
    )
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    split_seed = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="task_slug_per_project"),
            models.CheckConstraint(condition=Q(threshold__gte=1), name="task_threshold_positive"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_run_at"],
                name="task_scheduled",
                condition=Q(next_run_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def student(self) -> str:
        """Return `<connection slug>/<model>`, or nothing while the task is being set up."""
        return _spelled(self.student_connection, self.student_model)

    @property
    def teacher(self) -> str:
        return _spelled(self.teacher_connection, self.teacher_model) or self.student


def _spelled(connection: Connection | None, model: str) -> str:
    return f"{connection.slug}/{model}" if connection and model else ""
