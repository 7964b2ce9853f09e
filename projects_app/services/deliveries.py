"""Sending what waits: one winner a try, a longer wait after each, and an end.

1. A claim is a conditional UPDATE that counts the try and holds the row for a minute.
2. The message is sent outside any transaction, by the winner alone.
3. What came of it is written only while the row is still at that try. A worker that dies in between
   leaves a row that is due again: a receiver may get a message twice, never not at all.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from kaizen_engine.states import DeliveryState
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Delivery, Role
from projects_app.notification_models import LONGEST_ERROR
from projects_app.queue import deliver_on_commit
from projects_app.senders import DeliveryRefused, send
from projects_app.services.audit import audit_record

logger = structlog.get_logger(__name__)

HOLD = timedelta(minutes=1)
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
MOST_TRIES = len(WAITS) + 1
LOST = "the worker was lost during the last try"
NOT_DUE = "not due, or somebody else is at it"


def delivery_try(delivery_id: int, now: datetime | None = None) -> str:
    """Make one try if the row is due and nobody else is at it; return how it ended."""
    claimed = _claim(delivery_id, now or timezone.now())
    if claimed is None:
        return NOT_DUE
    if claimed.tries > MOST_TRIES:
        _settle(claimed, state=DeliveryState.FAILED, error=claimed.error or LOST)
        return DeliveryState.FAILED.value
    try:
        answer = send(claimed)
    except DeliveryRefused as refusal:
        return _put_off(claimed, str(refusal))
    _settle(claimed, state=DeliveryState.DELIVERED, answer=answer, error="")
    return DeliveryState.DELIVERED.value


def _claim(delivery_id: int, now: datetime) -> Delivery | None:
    found = Delivery.objects.select_related("notification__project", "channel")
    row = found.filter(pk=delivery_id).first()
    if row is None:
        return None
    due = Delivery.objects.filter(
        pk=row.pk, state=DeliveryState.WAITING.value, tries=row.tries, next_at__lte=now
    )
    row.tries += 1
    return row if due.update(tries=row.tries, next_at=now + HOLD) else None


def _put_off(claimed: Delivery, error: str) -> str:
    """Wait longer than before, or give up after the last try."""
    if claimed.tries >= MOST_TRIES:
        _settle(claimed, state=DeliveryState.FAILED, error=error)
        logger.warning("notification_failed", delivery=str(claimed.public_id), error=error)
        return DeliveryState.FAILED.value
    next_at = timezone.now() + WAITS[claimed.tries - 1]
    _settle(claimed, state=DeliveryState.WAITING, error=error, next_at=next_at)
    return f"{DeliveryState.WAITING.value}: {error}"


def _settle(claimed: Delivery, *, state: DeliveryState, **changes: object) -> bool:
    """Write the outcome while this try is the row's last one; a slower one writes nothing."""
    if state is not DeliveryState.WAITING:
        changes["ended_at"] = timezone.now()
    changes["error"] = str(changes.get("error", ""))[:LONGEST_ERROR]
    held = Delivery.objects.filter(
        pk=claimed.pk, state=DeliveryState.WAITING.value, tries=claimed.tries
    )
    return bool(held.update(state=state.value, **changes))


@transaction.atomic
def delivery_send_again(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Begin anew with a delivery that was given up."""
    actor.require(role=Role.ADMIN, project_id=delivery.project_id)
    given_up = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.FAILED.value, channel__removed_at=None
    )
    fresh = {"state": DeliveryState.WAITING.value, "tries": 0, "ended_at": None}
    if not given_up.update(next_at=timezone.now(), **fresh):
        message = "only a failed message to a channel that is still there can be sent again"
        raise Conflict(message, code="stale")
    audit_record(actor=actor, action="kaizen.notification.sent_again", subject=delivery)
    deliver_on_commit([delivery.pk])
    delivery.refresh_from_db()
    return delivery
