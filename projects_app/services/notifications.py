"""Telling that something happened, in the transaction in which it does."""

from collections.abc import Mapping

from django.db import transaction

from projects_app.models import Channel, Delivery, Event, Notification
from projects_app.queue import deliver_on_commit

Fact = str | int | float | None


@transaction.atomic
def notification_record(
    *, project_id: int, event: Event, key: str, facts: Mapping[str, Fact], path: str
) -> Notification | None:
    """Write what every channel that hears the event will be sent; None where there is none.

    `key` names the event: the second record of the same one changes nothing. `facts` are numbers
    and short names, never a text of a stranger's; `path` is a page to look at, never an action.
    """
    channels = [one for one in channels_of(project_id) if event.value in one.events]
    if not channels:
        return None
    notification, is_new = Notification.objects.get_or_create(
        project_id=project_id,
        key=f"{event.value}:{key}",
        defaults={"event": event.value, "facts": dict(facts), "path": path},
    )
    if is_new:
        deliveries_add(notification, channels)
    return notification


def channels_of(project_id: int) -> list[Channel]:
    """Return the channels that are told of events; which events, each of them holds itself."""
    return list(Channel.objects.filter(project_id=project_id, removed_at=None, is_active=True))


def deliveries_add(notification: Notification, channels: list[Channel]) -> list[Delivery]:
    rows = Delivery.objects.bulk_create(
        Delivery(project_id=notification.project_id, notification=notification, channel=channel)
        for channel in channels
    )
    deliver_on_commit([row.pk for row in rows])
    return rows
