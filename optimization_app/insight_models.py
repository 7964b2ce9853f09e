"""What jobs learn about a task beside its best prompt: topics that fail, and examples it lacks."""

from typing import ClassVar

from django.db import models
from uuid_utils.compat import uuid7

from feedback_app.models import Example, Feedback
from kaizen_engine.states import InsightState, SuggestionState, TopicLife
from projects_app.choices import choices_of
from projects_app.models import User
from tasks_app.models import Task


class Insight(models.Model):
    """A topic of a task's inputs, followed from job to job.

    `members` and `failing` are groups of examples, which keep their names for ever. `finding` is
    counted; `diagnosis` and `suggested_action` were written by `analyst`, where there was one.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="insights")
    name = models.CharField(max_length=200)
    life = models.CharField(
        max_length=10, choices=choices_of(TopicLife), default=TopicLife.NEW.value
    )
    state = models.CharField(
        max_length=10, choices=choices_of(InsightState), default=InsightState.OPEN.value
    )
    members = models.JSONField(default=list)
    failing = models.JSONField(default=list)
    rows = models.PositiveIntegerField(default=0)
    scored = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    examples = models.PositiveIntegerField(default=0)
    share = models.FloatField(default=0.0, help_text="Of all rows of the last job that saw it.")
    finding = models.TextField(blank=True, default="")
    diagnosis = models.TextField(blank=True, default="")
    suggested_action = models.TextField(blank=True, default="")
    analyst = models.CharField(max_length=240, blank=True, default="")
    first_job = models.UUIDField()
    last_job = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-failures", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["task", "state", "-failures"], name="insight_worst_first")
        ]

    def __str__(self) -> str:
        return self.name


class InsightSighting(models.Model):
    """What one job saw of a topic: a point of its trend."""

    insight = models.ForeignKey(Insight, on_delete=models.CASCADE, related_name="sightings")
    job = models.UUIDField()
    life = models.CharField(max_length=10, choices=choices_of(TopicLife))
    rows = models.PositiveIntegerField()
    scored = models.PositiveIntegerField()
    failures = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["insight", "job"], name="insightsighting_once_per_job")
        ]

    def __str__(self) -> str:
        return f"{self.insight}: {self.failures} of {self.scored}"


class SuggestedExample(models.Model):
    """A row that would fill a gap, waiting for a person: drawn from feedback or written."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    insight = models.ForeignKey(Insight, on_delete=models.CASCADE, related_name="suggestions")
    content_hash = models.CharField(max_length=64)
    inputs = models.JSONField()
    outputs = models.JSONField(default=dict)
    feedback = models.ForeignKey(
        Feedback, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    writer = models.CharField(max_length=240, blank=True, default="")
    state = models.CharField(
        max_length=10, choices=choices_of(SuggestionState), default=SuggestionState.PENDING.value
    )
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    example = models.ForeignKey(
        Example, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["insight", "content_hash"], name="suggestedexample_once_per_insight"
            )
        ]

    def __str__(self) -> str:
        return str(self.public_id)
