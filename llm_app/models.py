"""Connections to models, what they cost, what was spent, and every paid answer."""

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from projects_app.choices import choices_of
from projects_app.models import Project


class ConnectionKind(StrEnum):
    DEMO = "demo"
    OPENAI = "openai"
    GROQ = "groq"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


class BreakerWord(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class ConnectionWord(StrEnum):
    NONE = ""
    WAITING = "waiting"
    ASKING = "asking"
    WORKS = "works"
    FAILED = "failed"


class Connection(models.Model):
    """One provider of models. The secret is stored encrypted and never shown again."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="connections")
    slug = models.SlugField(max_length=40)
    kind = models.CharField(
        max_length=10, choices=choices_of(ConnectionKind, openai="OpenAI-compatible")
    )
    # No URLField: its validator refuses hosts without a dot, as containers have on their network.
    base_url = models.CharField(max_length=500, blank=True, default="")
    secret_encrypted = models.TextField(blank=True, default="", editable=False)
    secret_last4 = models.CharField(max_length=4, blank=True, default="", editable=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    test_state = models.CharField(
        max_length=10,
        choices=[(word.value, word.value or "not tested") for word in ConnectionWord],
        blank=True,
        default=ConnectionWord.NONE.value,
        editable=False,
    )
    test_at = models.DateTimeField(null=True, editable=False)
    test_model = models.CharField(max_length=200, blank=True, default="", editable=False)
    test_words = models.CharField(max_length=500, blank=True, default="", editable=False)
    test_raw = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="connection_slug_per_project")
        ]

    def __str__(self) -> str:
        return self.slug


class ModelPrice(models.Model):
    """US dollars per million tokens, with where the figure came from and when it was read."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="prices")
    model = models.CharField(max_length=200)
    input_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6)
    output_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6)
    source = models.CharField(max_length=200, default="entered by hand")
    read_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "model"], name="modelprice_one_per_model"
            ),
            models.CheckConstraint(
                condition=Q(input_usd_per_mtok__gte=0) & Q(output_usd_per_mtok__gte=0),
                name="modelprice_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection}/{self.model}"


class LedgerEntry(models.Model):
    """Money spent on one call."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="ledger_entries")
    purpose = models.CharField(max_length=40)
    subject = models.UUIDField()
    role = models.CharField(max_length=20)
    model = models.CharField(max_length=240)
    input_tokens = models.PositiveIntegerField()
    output_tokens = models.PositiveIntegerField()
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9)
    is_upper_bound = models.BooleanField(
        default=False, help_text="The call failed after it may have been billed."
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes: ClassVar = [
            models.Index(fields=["subject"], name="ledger_by_subject"),
            models.Index(fields=["project", "at"], name="ledger_by_project_and_day"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.cost_usd}"


class CallRecord(models.Model):
    """The journal: one paid answer, stored before anybody sees it, replayed after a crash."""

    subject = models.UUIDField()
    role = models.CharField(max_length=20)
    request_hash = models.CharField(max_length=64)
    occurrence = models.PositiveIntegerField(default=0)
    model = models.CharField(max_length=240)
    messages_hash = models.CharField(max_length=64)
    response = models.JSONField()
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9)
    latency_ms = models.PositiveIntegerField()
    tries = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "role", "request_hash", "occurrence"],
                name="callrecord_paid_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.request_hash[:12]}"


class CachedAnswer(models.Model):
    """The evaluation cache: an answer that every evaluation of the project may read for nothing.

    `request_hash` covers all that can change the answer; `sample` tells repeated ones apart, which
    there are only above temperature 0.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="cached_answers"
    )
    request_hash = models.CharField(max_length=64)
    sample = models.PositiveSmallIntegerField(default=0)
    response = models.JSONField()
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "request_hash", "sample"], name="cachedanswer_paid_once"
            )
        ]

    def __str__(self) -> str:
        return self.request_hash[:12]


class BreakerState(models.Model):
    key = models.CharField(max_length=200, primary_key=True)
    state = models.CharField(
        max_length=10, choices=choices_of(BreakerWord), default=BreakerWord.CLOSED.value
    )
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


class RateWindow(models.Model):
    """Calls admitted to one provider in one window of time, shared by every process."""

    key = models.CharField(max_length=200)
    starts_at_ms = models.BigIntegerField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "starts_at_ms"], name="ratewindow_one_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.starts_at_ms}"
