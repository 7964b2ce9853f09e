"""Versions, the tags that make one of them live, and the evidence for doing so."""

from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from kaizen_engine.states import GateBasis, PullRequestState, ReviewState, Verdict
from projects_app.choices import choices_of
from projects_app.models import ApiKey, Project, User
from tasks_app.models import Task

TEST_LIFE = timedelta(minutes=3)


class GitKind(StrEnum):
    LOCAL = "local"


class WithoutEvidence(StrEnum):
    HOLD = "hold"
    ALLOW = "allow"


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


class GitConnection(models.Model):
    """A place that keeps repositories. Without a URL it is one of our own, in the data folder."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="git_connections")
    slug = models.SlugField(max_length=40)
    kind = models.CharField(max_length=20, choices=choices_of(GitKind), default=GitKind.LOCAL.value)
    url = models.CharField(max_length=500, blank=True, default="")
    token_encrypted = models.TextField(blank=True, default="", editable=False)
    token_last4 = models.CharField(max_length=4, blank=True, default="", editable=False)
    merge_without_evidence = models.CharField(
        max_length=5,
        choices=choices_of(WithoutEvidence),
        default=WithoutEvidence.HOLD.value,
        help_text="What a merge does that the evidence does not carry, as of an edited prompt.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "slug"], name="gitconnection_slug_per_project"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Repository(models.Model):
    """Where one task's prompt file lives, and the branch whose merges count."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="repository")
    connection = models.ForeignKey(
        GitConnection, on_delete=models.PROTECT, related_name="repositories"
    )
    path = models.CharField(max_length=255)
    base_branch = models.CharField(max_length=100, default="main")
    test_state = models.CharField(max_length=10, blank=True, default="", editable=False)
    test_at = models.DateTimeField(null=True, editable=False)
    test_words = models.CharField(max_length=500, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "repositories"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "base_branch", "path"], name="repository_one_task_per_file"
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection}:{self.path}"

    @property
    def is_tested_now(self) -> bool:
        """Say whether a worker may still answer; a test that none took is over after a while."""
        if self.test_at is None or self.test_state not in {"waiting", "looking"}:
            return False
        return timezone.now() - self.test_at < TEST_LIFE


class PullRequest(models.Model):
    """The proposal of one version to its repository; the head branch is its natural key."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    version = models.ForeignKey(PromptVersion, on_delete=models.CASCADE, related_name="pulls")
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="pulls")
    state = models.CharField(
        max_length=15,
        choices=choices_of(PullRequestState),
        default=PullRequestState.OPENING.value,
    )
    head = models.CharField(max_length=150)
    is_draft = models.BooleanField(default=False)
    title = models.CharField(max_length=200)
    body = models.TextField()
    content = models.TextField(blank=True, default="", help_text="The file as it was proposed.")
    commit_sha = models.CharField(max_length=64, blank=True, default="")
    number = models.PositiveBigIntegerField(null=True, blank=True)
    url = models.CharField(max_length=500, blank=True, default="")
    merge_sha = models.CharField(max_length=64, blank=True, default="")
    merged_by = models.CharField(max_length=200, blank=True, default="")
    merged_version = models.ForeignKey(
        PromptVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    held = models.TextField(blank=True, default="", help_text="Why what was merged is not served.")
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    polled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "head"], name="pullrequest_one_per_head")
        ]
        indexes: ClassVar = [models.Index(fields=["state"], name="pullrequest_by_state")]

    def __str__(self) -> str:
        return f"{self.version}: {self.head}"

    @property
    def is_linked(self) -> bool:
        """Say whether the address is one that a page may lead to."""
        return self.url.startswith(("https://", "http://"))
