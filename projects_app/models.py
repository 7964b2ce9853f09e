"""Who may do what, what was done, and who is told: people, keys, audit, notifications."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from projects_app.choices import choices_of, words_of
from projects_app.first_steps_models import FirstSteps
from projects_app.notification_models import (
    Channel,
    ChannelKind,
    Delivery,
    Event,
    Notification,
)

__all__ = ["Channel", "ChannelKind", "Delivery", "Event", "FirstSteps", "Notification"]


class Role(StrEnum):
    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"


class Scope(StrEnum):
    FEEDBACK_WRITE = "feedback:write"
    PROMPT_READ = "prompt:read"
    PROMPT_WRITE = "prompt:write"
    PROMPT_PROMOTE = "prompt:promote"
    TASK_CREATE = "task:create"
    TASK_WRITE = "task:write"
    DATASET_WRITE = "dataset:write"
    OPTIMIZE_TRIGGER = "optimize:trigger"
    EVALUATE = "evaluate"
    TRACE_WRITE = "trace:write"
    TRACE_READ = "trace:read"
    ADMIN_KEYS = "admin:keys"


class ServeOn(StrEnum):
    APPROVE = "approve"
    MERGE = "merge"


class User(AbstractUser):
    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    git_login = models.CharField(max_length=100, blank=True, default="")


class Project(models.Model):
    """The tenant."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    two_person_rule = models.BooleanField(
        default=False, help_text="The author of a version may not approve it."
    )
    serve_on = models.CharField(
        max_length=10, choices=choices_of(ServeOn), default=ServeOn.APPROVE.value
    )
    daily_budget_usd = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        verbose_name="daily budget in US dollars",
        help_text="No job starts that could pass it on its day in UTC. Left empty: no limit.",
    )
    confirm_over_usd = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        db_default=Decimal(5),
        validators=[MinValueValidator(0)],
        verbose_name="confirm jobs above, in US dollars",
        help_text="A job that may cost more starts only once a person has said yes to its "
        "estimate. Left empty: never asked.",
    )
    members = models.ManyToManyField(User, through="Membership", related_name="projects")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=choices_of(Role), default=Role.VIEWER.value)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_one_per_user"),
            models.CheckConstraint(
                condition=Q(role__in=words_of(Role)), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.project} · {self.role}"


class ApiKey(models.Model):
    """A machine's way in. Only the prefix and a hash of the secret are kept."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEntry(models.Model):
    """What was done, by whom, to what. Append-only: a database trigger refuses the rest."""

    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, related_name="audit_entries"
    )
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200, help_text="user:<name>, key:<prefix> or system")
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    ip = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="audit_by_project"),
            models.Index(fields=["project", "-at", "-id"], name="audit_by_day"),
            models.Index(fields=["project", "action", "-id"], name="audit_by_action"),
            models.Index(fields=["project", "actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            message = "an audit entry is written once; write a new one"
            raise TypeError(message)
        super().save(*args, **kwargs)


class IdempotencyRecord(models.Model):
    """The first answer to a request that carried an `Idempotency-Key`, kept for 24 hours."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "route", "key"], name="idempotencyrecord_first_wins"
            )
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
