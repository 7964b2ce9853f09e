"""A task: one thing an LLM is asked to do, and how it is judged and improved."""

from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from kaizen_engine.evaluate.spec import DEFAULT, short_name
from kaizen_engine.states import FeedbackOrigin
from llm_app.models import Connection
from projects_app.choices import choices_of
from projects_app.models import Project
from tasks_app.cron import check_cron
from tasks_app.locked_text import check_locked_text


def exact_match() -> dict[str, Any]:
    return dict(DEFAULT)


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
    evaluator = models.JSONField(
        default=exact_match, help_text="How an answer is scored: a kind with its settings."
    )
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
    judge_floor = models.FloatField(
        default=0.6,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Agreement with people (kappa, lower bound) that a judge needs to confirm.",
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
    reasoning = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether a new version thinks before it answers; empty: as today's does.",
    )
    budget_usd = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(5), validators=[MinValueValidator(0)]
    )
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    max_cost_ratio = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1000.0)],
        help_text="Most that a call of a new version may cost, of what one costs now.",
    )
    max_latency_ratio = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1000.0)],
        help_text="Longest that a call of a new version may take, of what one takes now.",
    )
    locked_text = models.JSONField(
        default=list,
        blank=True,
        validators=[check_locked_text],
        help_text="Passages of the prompt that no new version may change, as a JSON list of texts.",
    )
    notes = models.TextField(
        blank=True,
        default="",
        max_length=4000,
        help_text="What answers should be like, a wish a line, for whoever rewrites the prompt.",
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
    def metric(self) -> str:
        """Return the evaluator in a few words."""
        return short_name(self.evaluator)

    @property
    def teacher(self) -> str:
        return _spelled(self.teacher_connection, self.teacher_model) or self.student


def _spelled(connection: Connection | None, model: str) -> str:
    return f"{connection.slug}/{model}" if connection and model else ""
