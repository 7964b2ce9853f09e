"""What waits to be sent, and what a project's admins see of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.functional import cached_property

from kaizen_engine.states import DeliveryState
from projects_app.models import Channel, Delivery, Project
from projects_app.notification_words import title_of

MOST_DUE = 200
FRESH = timedelta(minutes=2)
TONES = {DeliveryState.DELIVERED.value: "is-pass", DeliveryState.FAILED.value: "is-fail"}


@dataclass(frozen=True)
class DeliveryFilter:
    channel: str = ""
    event: str = ""
    state: str = ""


@dataclass(frozen=True)
class LogLine:
    """One row of the log, as it is read."""

    delivery: Delivery

    @cached_property
    def title(self) -> str:
        return title_of(self.delivery.notification)

    @property
    def tone(self) -> str:
        return TONES.get(self.delivery.state, "")

    @property
    def may_be_sent_again(self) -> bool:
        is_failed = self.delivery.state == DeliveryState.FAILED.value
        return is_failed and self.delivery.channel.removed_at is None

    @property
    def is_about_to_change(self) -> bool:
        is_waiting = self.delivery.state == DeliveryState.WAITING.value
        return is_waiting and self.delivery.created_at > timezone.now() - FRESH


def deliveries_due(now: datetime) -> Iterable[int]:
    """Return the deliveries whose time has come, the longest waiting first."""
    due = Delivery.objects.filter(state=DeliveryState.WAITING.value, next_at__lte=now)
    return list(due.order_by("next_at").values_list("pk", flat=True)[:MOST_DUE])


def deliveries_of(project: Project, wanted: DeliveryFilter) -> QuerySet[Delivery]:
    named = {
        "channel__public_id": wanted.channel,
        "notification__event": wanted.event,
        "state": wanted.state,
    }
    rows = Delivery.objects.filter(project=project)
    rows = rows.filter(**{name: value for name, value in named.items() if value})
    return rows.select_related("notification__project", "channel").order_by("-id")


def channels_shown(project: Project) -> QuerySet[Channel]:
    """Return the channels with the state and the moment of the latest message to each."""
    latest = Delivery.objects.filter(channel=OuterRef("pk")).order_by("-id")
    rows = Channel.objects.filter(project=project, removed_at=None)
    return rows.annotate(
        last_state=Subquery(latest.values("state")[:1]),
        last_at=Subquery(latest.values("created_at")[:1]),
    ).order_by("name")
