"""Who is told what: channels, what happened, and each message on its way.

A notification and its deliveries are written in the transaction of what they tell; a worker sends.
"""

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from kaizen_engine.states import DeliveryState
from projects_app.choices import choices_of, words_of

LONGEST_ERROR = 300


class Event(StrEnum):
    DRAFT_READY = "draft_ready"
    JOB_FAILED = "job_failed"
    BUDGET_80 = "budget_80"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REGRESSED = "regressed"
    # Sent by hand to see that a channel works; nobody subscribes to it.
    TEST = "test"


class ChannelKind(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"
    CHAT = "chat"


class Channel(models.Model):
    """One place that is told. `address` is shown; `secret` signs a webhook or is a chat's URL."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(
        "projects_app.Project", on_delete=models.CASCADE, related_name="channels"
    )
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(max_length=10, choices=choices_of(ChannelKind))
    address = models.CharField(max_length=500, blank=True, default="")
    secret_encrypted = models.TextField(blank=True, default="", editable=False)
    secret_last4 = models.CharField(max_length=4, blank=True, default="", editable=False)
    events = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        "projects_app.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "notification channel"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=Q(removed_at=None),
                name="channel_name_per_project",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=words_of(ChannelKind)), name="channel_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Notification(models.Model):
    """What happened, once: `key` keeps a repeated event from being told twice.

    `facts` holds numbers and short names only, never a text that a stranger wrote.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(
        "projects_app.Project", on_delete=models.CASCADE, related_name="notifications"
    )
    event = models.CharField(max_length=12, choices=choices_of(Event))
    key = models.CharField(max_length=100)
    facts = models.JSONField(default=dict)
    path = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key"], name="notification_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.key}"


class Delivery(models.Model):
    """One notification to one channel. `tries` is the fence: each try is won by one worker."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey("projects_app.Project", on_delete=models.CASCADE, related_name="+")
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(
        max_length=10, choices=choices_of(DeliveryState), default=DeliveryState.WAITING.value
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=40, blank=True, default="")
    error = models.CharField(max_length=LONGEST_ERROR, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["notification", "channel"], name="delivery_one_per_channel"
            ),
            models.CheckConstraint(
                condition=Q(state__in=words_of(DeliveryState)), name="delivery_state_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="delivery_by_project"),
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="delivery_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.notification} → {self.channel}"
