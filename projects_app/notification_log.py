"""What waits to be sent, and what a project's admins see of it."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from kaizen_engine.states import DeliveryState
from projects_app.models import Channel, Delivery, Project

MOST_DUE = 200


def deliveries_due(now: datetime) -> Iterable[int]:
    """Return the deliveries whose time has come, the longest waiting first."""
    due = Delivery.objects.filter(state=DeliveryState.WAITING.value, next_at__lte=now)
    return list(due.order_by("next_at").values_list("pk", flat=True)[:MOST_DUE])


def deliveries_of(project: Project) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(project=project)
    return rows.select_related("notification__project", "channel").order_by("-id")


def channels_shown(project: Project) -> QuerySet[Channel]:
    return Channel.objects.filter(project=project, removed_at=None).order_by("name")
