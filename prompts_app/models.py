"""Versions, the tags that make one of them live, and the evidence for doing so."""

from typing import ClassVar

from django.db import models
from uuid_utils.compat import uuid7

from kaizen_engine.states import GateBasis, ReviewState, Verdict
from projects_app.choices import choices_of
from projects_app.models import Project, User
from tasks_app.models import Task


class PromptVersion(models.Model):
    """An immutable artifact. A database trigger refuses to change what was scored."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    artifact = models.JSONField()
    review_state = models.CharField(
        max_length=10, choices=choices_of(ReviewState), default=ReviewState.DRAFT.value
    )
    verdict = models.CharField(
        max_length=20, choices=choices_of(Verdict), default=Verdict.NONE.value
    )
    evidence = models.JSONField(
        default=dict, blank=True, help_text="Frozen when the version was made."
    )
    origin_job = models.UUIDField(null=True, blank=True)
    dspy_state = models.JSONField(null=True, blank=True)
    parents = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="children")
    author = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    author_label = models.CharField(max_length=200, default="system")
    change_reason = models.TextField(blank=True, default="")
    reviewed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "number"], name="promptversion_number_per_task"
            ),
            models.UniqueConstraint(fields=["task", "hash"], name="promptversion_hash_per_task"),
        ]

    def __str__(self) -> str:
        return f"{self.task} v{self.number}"


class Tag(models.Model):
    """A movable pointer; `revision` counts its moves and makes the ETag."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60)
    version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="tags")
    revision = models.PositiveIntegerField(default=1)
    project_revision = models.PositiveBigIntegerField(
        default=0, help_text="The project's revision that this tag's last move made."
    )
    moved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "name"], name="tag_name_per_task")
        ]

    def __str__(self) -> str:
        return f"{self.task}@{self.name}"


class ProjectRevision(models.Model):
    """One number a project that grows whenever any of its tags moves."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="revision"
    )
    revision = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.project}: {self.revision}"


class GateOutcome(models.TextChoices):
    PASSED = "pass", "Passed"
    FAILED = "fail", "Failed"
    NOT_APPLICABLE = "not_applicable", "Not applicable"


class GateResult(models.Model):
    """One condition for going live with its evidence, or the basis on which a tag moved."""

    version = models.ForeignKey(PromptVersion, on_delete=models.CASCADE, related_name="gates")
    name = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20, choices=GateOutcome.choices)
    basis = models.CharField(max_length=10, choices=choices_of(GateBasis), blank=True, default="")
    tag = models.CharField(max_length=60, blank=True, default="")
    replaced = models.ForeignKey(
        PromptVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    figure = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, default="system")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}"
