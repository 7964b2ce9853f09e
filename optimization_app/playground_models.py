"""What people try out: two texts on a few inputs, and what the models answered."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from django.db import models
from uuid_utils.compat import uuid7

from projects_app.choices import choices_of
from projects_app.models import User
from tasks_app.models import Task


class PlaygroundState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


LIVE_STATES = (PlaygroundState.QUEUED.value, PlaygroundState.RUNNING.value)


class PlaygroundRun(models.Model):
    """`variants` and `rows` are copies: a run stays readable whatever happens to the prompt."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="playground_runs")
    started_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_by_label = models.CharField(max_length=200)
    state = models.CharField(
        max_length=10, choices=choices_of(PlaygroundState), default=PlaygroundState.QUEUED.value
    )
    variants = models.JSONField()
    rows = models.JSONField()
    source = models.CharField(max_length=220, blank=True, default="")
    is_scored = models.BooleanField(default=True)
    budget_usd = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))
    error = models.TextField(blank=True, default="")
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["task", "-id"], name="playground_latest"),
            models.Index(
                fields=["task"],
                condition=models.Q(state__in=LIVE_STATES),
                name="playground_live",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class PlaygroundAnswer(models.Model):
    """What one variant answered to one row, or the problem why there is no answer."""

    run = models.ForeignKey(PlaygroundRun, on_delete=models.CASCADE, related_name="answers")
    variant = models.PositiveSmallIntegerField()
    row = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True, default="")
    parse_error = models.TextField(blank=True, default="")
    score = models.FloatField(null=True)
    parts = models.JSONField(default=dict)
    reasons = models.JSONField(default=dict)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))
    latency_ms = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=400, blank=True, default="")
    raw_problem = models.TextField(blank=True, default="", help_text="What the provider said.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "variant", "row"], name="playgroundanswer_once_per_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.variant}/{self.row}"
