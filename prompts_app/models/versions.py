"""Versions, the tags that make one of them live, and the evidence for doing so."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from kaizen_engine.states import GateBasis, ReviewState, Verdict
from projects_app.choices import choices_of
from projects_app.models import ApiKey, Project, User
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


class VersionEvidence(models.Model):
    """What a later run found of a version whose own evidence is frozen; of several the last counts.

    Shaped as `PromptVersion.evidence` is. Rows are added and never changed.
    """

    version = models.ForeignKey(
        PromptVersion, on_delete=models.CASCADE, related_name="later_evidence"
    )
    verdict = models.CharField(max_length=20, choices=choices_of(Verdict))
    summary = models.JSONField()
    job = models.UUIDField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name_plural = "version evidence"

    def __str__(self) -> str:
        return f"{self.version}: {self.verdict}"


class ChangeNote(models.Model):
    """What a version changes, in words: a model wrote them, and pages say so."""

    version = models.OneToOneField(
        PromptVersion, on_delete=models.CASCADE, primary_key=True, related_name="change_note"
    )
    text = models.TextField()
    writer = models.CharField(max_length=240)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.version)


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


class ClientSighting(models.Model):
    """Which version an API key really got under a tag, and when: one row for each key and tag."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="sightings")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="sightings")
    tag = models.CharField(max_length=60)
    version = models.ForeignKey(PromptVersion, on_delete=models.CASCADE, related_name="sightings")
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-seen_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "tag", "api_key"], name="clientsighting_once_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.api_key} got {self.version}"


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
    link = models.CharField(
        max_length=300, blank=True, default="", help_text="Where the figures come from."
    )
    actor = models.CharField(max_length=200, default="system")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(
                fields=["tag", "version"], condition=Q(name="promotion"), name="gate_promotions"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}"
