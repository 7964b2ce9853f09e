"""What people said of answers, and the examples made of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from kaizen_engine.states import Origin, RowKind, Split
from projects_app.choices import choices_of
from projects_app.models import Project
from tasks_app.models import Task


class Feedback(models.Model):
    """One judged output. `consumed_by` is the job that took it, `prompt_hash` what was served.

    No job takes what was dismissed. What was redacted is dismissed as well, and holds no text.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    # The indexes below that begin with the project serve the key as well.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="feedback")
    event_id = models.CharField(max_length=64)
    content_hash = models.CharField(max_length=64)
    inputs = models.JSONField()
    output = models.JSONField(null=True)
    score = models.FloatField(null=True)
    thumb = models.BooleanField(null=True)
    comment = models.TextField(blank=True, default="")
    corrected_output = models.JSONField(null=True)
    metrics = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    origin = models.CharField(max_length=10, choices=choices_of(Origin))
    prompt_hash = models.CharField(max_length=64, blank=True, default="")
    consumed_by = models.UUIDField(null=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    redacted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "feedback"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "event_id"], name="feedback_stored_once"),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | (Q(score__gte=0) & Q(score__lte=1)),
                name="feedback_score_0_to_1",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["task"], condition=Q(consumed_by__isnull=True), name="feedback_unconsumed"
            ),
            models.Index(fields=["consumed_by"], name="feedback_by_job"),
            models.Index(fields=["task", "-id"], name="feedback_latest"),
            models.Index(fields=["project", "-id"], name="feedback_of_project"),
            models.Index(
                fields=["task", "id"],
                condition=Q(score=None, thumb=None, corrected_output__isnull=True)
                & Q(output__isnull=False, origin=Origin.RANDOM.value),
                name="feedback_to_review",
            ),
        ]

    def __str__(self) -> str:
        return self.event_id


class TaskCounter(models.Model):
    """Feedback no job has taken yet, and when the next automatic job may start."""

    task = models.OneToOneField(
        Task, on_delete=models.CASCADE, primary_key=True, related_name="counter"
    )
    unconsumed = models.PositiveIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    failures_in_a_row = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.task}: {self.unconsumed}"


class Dataset(models.Model):
    """Rows from a file, frozen once they are all stored; no job reads them before."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    task = models.ForeignKey(
        Task, on_delete=models.CASCADE, null=True, blank=True, related_name="datasets"
    )
    name = models.CharField(max_length=200)
    is_representative = models.BooleanField(
        default=False, help_text="The rows are a random sample of the traffic."
    )
    content_hash = models.CharField(max_length=64, blank=True, default="")
    file_name = models.CharField(max_length=200, blank=True, default="")
    mapping = models.JSONField(
        default=dict, blank=True, help_text="Which column filled which field."
    )
    report = models.JSONField(
        default=dict, blank=True, help_text="Lines that were refused, and what leaks."
    )
    frozen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="dataset_latest"),
            models.Index(fields=["task", "content_hash"], name="dataset_by_content"),
        ]

    def __str__(self) -> str:
        return self.name


class Example(models.Model):
    """Inputs with the expected output, or with an answer that somebody rated.

    A group keeps its split for ever. `links` are hashes of the conversation and the user.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="examples")
    feedback = models.OneToOneField(
        Feedback, on_delete=models.SET_NULL, null=True, blank=True, related_name="example"
    )
    dataset = models.ForeignKey(
        Dataset,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="examples",
        db_index=False,
    )
    inputs = models.JSONField()
    outputs = models.JSONField(blank=True, help_text="What is right; empty where nobody knows.")
    kind = models.CharField(max_length=10, choices=choices_of(RowKind), default=RowKind.LABEL.value)
    rated_output = models.JSONField(null=True, blank=True)
    rated_score = models.FloatField(null=True, blank=True)
    links = models.JSONField(default=list, blank=True)
    group = models.CharField(max_length=64)
    split = models.CharField(max_length=10, choices=choices_of(Split), blank=True, default="")
    origin = models.CharField(max_length=10, choices=choices_of(Origin))
    is_deciding = models.BooleanField(default=False)
    looks = models.PositiveSmallIntegerField(
        default=0, help_text="How often a verdict was drawn from this row."
    )
    is_seen = models.BooleanField(default=False, help_text="Shown to a person or to a search.")
    is_tied = models.BooleanField(
        default=False, help_text="Nearly the same as rows of another split: left out."
    )
    is_protected = models.BooleanField(default=False, help_text="A new version may not break it.")
    comment = models.TextField(blank=True, default="")
    metadata = models.JSONField(
        default=dict, blank=True, help_text="What a file says of the row beside its fields."
    )
    dismissed_at = models.DateTimeField(null=True, blank=True)
    redacted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["dataset", "id"], name="example_of_dataset"),
            models.Index(fields=["task", "split"], name="example_by_split"),
            models.Index(fields=["task", "group"], name="example_by_group"),
            models.Index(fields=["task"], condition=Q(is_protected=True), name="example_protected"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class FileImport(models.Model):
    """A file on its way to become a dataset: chosen, its columns mapped, checked, not yet saved."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    file_name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    split = models.CharField(max_length=10, choices=choices_of(Split), blank=True, default="")
    is_representative = models.BooleanField(default=False)
    mapping = models.JSONField(default=dict, help_text="What each column becomes.")
    report = models.JSONField(default=dict, help_text="What the last check found.")
    dataset = models.ForeignKey(Dataset, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name
