"""Jobs and all they leave behind: steps, trials, scored rows."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from feedback_app.models import Example
from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState, StopReason, Verdict
from optimization_app.insight_models import Insight, InsightSighting, SuggestedExample
from optimization_app.label_models import (
    HumanLabel,
    JudgePassport,
    JudgeRound,
    JudgeVerdict,
    LabelItem,
)
from optimization_app.playground_models import PlaygroundAnswer, PlaygroundRun
from projects_app.choices import choices_of
from projects_app.models import User
from prompts_app.models import PromptVersion
from tasks_app.models import Task

__all__ = [
    "EvaluationRow",
    "HumanLabel",
    "Insight",
    "InsightSighting",
    "Job",
    "JudgePassport",
    "JudgeRound",
    "JudgeVerdict",
    "LabelItem",
    "PlaygroundAnswer",
    "PlaygroundRun",
    "Step",
    "SuggestedExample",
    "Trial",
]


class Job(models.Model):
    """The truth about a run; a queue message only wakes a worker to look here."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(
        max_length=10, choices=choices_of(JobKind), default=JobKind.OPTIMIZE.value
    )
    state = models.CharField(
        max_length=12, choices=choices_of(JobState), default=JobState.QUEUED.value
    )
    stop_reason = models.CharField(
        max_length=15, choices=choices_of(StopReason), blank=True, default=""
    )
    verdict = models.CharField(
        max_length=20, choices=choices_of(Verdict), default=Verdict.NONE.value
    )
    trigger = models.CharField(max_length=20, default="threshold")
    started_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_by_label = models.CharField(max_length=200, default="system")
    optimizer = models.CharField(max_length=20)
    config = models.JSONField(default=dict)
    seed = models.PositiveIntegerField(default=0)
    seed_version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="+")
    result_version = models.ForeignKey(
        PromptVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    budget_usd = models.DecimalField(max_digits=10, decimal_places=4, default=Decimal(5))
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(default=30)
    deadline_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    keep_best = models.BooleanField(
        default=False, help_text="A requested stop drafts the best candidate so far."
    )
    estimate = models.JSONField(default=dict)

    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=5)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    worker_id = models.CharField(max_length=100, blank=True, default="")
    checkpoint = models.JSONField(default=dict)

    progress = models.PositiveSmallIntegerField(default=0)
    phase = models.CharField(max_length=20, blank=True, default="")
    baseline_metric = models.FloatField(null=True, blank=True)
    current_best_metric = models.FloatField(null=True, blank=True)
    spent_usd = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))
    spent_tokens = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    analysed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task"],
                condition=Q(kind=JobKind.OPTIMIZE.value)
                & Q(state__in=sorted(state.value for state in LIVE_JOB_STATES)),
                name="optimizationjob_one_live_per_task",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "lease_until"], name="job_for_the_reaper"),
            models.Index(fields=["task", "-id"], name="job_latest"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class Step(models.Model):
    """A durable step of a job; the constraint makes its effect happen once."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "name"], name="step_once_per_job")
        ]

    def __str__(self) -> str:
        return self.name


class Trial(models.Model):
    """One candidate scored: a point on the curve."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    score = models.FloatField()
    rows = models.PositiveIntegerField()
    is_full = models.BooleanField(default=True)
    is_best = models.BooleanField(default=False)
    artifact_hash = models.CharField(max_length=64)
    artifact = models.JSONField(default=dict)
    change_reason = models.TextField(blank=True, default="", help_text="What it changes, counted.")
    part = models.CharField(
        max_length=10, default="dev", help_text="dev, or search and select, or train for a sample."
    )
    warning = models.CharField(max_length=300, blank=True, default="")
    cost_usd = models.DecimalField(
        max_digits=16,
        decimal_places=9,
        null=True,
        blank=True,
        help_text="What was spent from the figure before it to this one.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="trial_number_per_job")
        ]

    def __str__(self) -> str:
        return f"trial {self.number}"


class EvaluationRow(models.Model):
    """One example answered by one exact prompt text, and its score."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="evaluation_rows")
    label = models.CharField(max_length=30, help_text="baseline_dev, winner_test and the like")
    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="+")
    artifact_hash = models.CharField(max_length=64)
    messages_hash = models.CharField(max_length=64)
    score = models.FloatField()
    output = models.JSONField(null=True)
    text = models.TextField(blank=True, default="")
    parse_error = models.TextField(blank=True, default="")
    parts = models.JSONField(default=dict, help_text="Scores by part of the evaluator.")
    reasons = models.JSONField(default=dict, help_text="Why, in words, by part.")
    votes = models.JSONField(default=dict, help_text="Each vote of a judge, by part.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["job", "label", "example"], name="evaluationrow_once_per_example"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.score}"


class BudgetEvent(models.Model):
    """A job has used up so much of its budget; the constraint makes it be told once."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="budget_events")
    percent = models.PositiveSmallIntegerField()
    spent_usd = models.DecimalField(max_digits=16, decimal_places=9)
    spent_tokens = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["percent"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "percent"], name="budgetevent_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"
