"""Where prompts are proposed and merged: connections, repositories, pull requests."""

from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from kaizen_engine.states import PullRequestState
from projects_app.choices import choices_of
from projects_app.models import Project
from prompts_app.models.versions import PromptVersion
from tasks_app.models import Task

TEST_LIFE = timedelta(minutes=3)


class GitKind(StrEnum):
    LOCAL = "local"


class WithoutEvidence(StrEnum):
    HOLD = "hold"
    ALLOW = "allow"


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
