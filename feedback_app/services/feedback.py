"""Storing feedback once, whatever retries do, and handing it to jobs and back.

Every full threshold of unconsumed rows asks for a job, from the counter alone: a COUNT would grow
with the table, and asking on every row past the threshold would burden each post while a job runs.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from feedback_app import ingest
from feedback_app.models import Feedback, TaskCounter
from feedback_app.rows import RowMaker
from feedback_app.selectors import is_unjudged
from feedback_app.signals import threshold_reached
from feedback_app.wire import REDACTED_HASH, FeedbackItem, RefusedItem
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere, ServiceError
from projects_app.models import Role, Scope
from tasks_app.models import Task

EVENT_ID_CONFLICT = "event_id_conflict"
STATUSES: Mapping[type[ServiceError], int] = {InvalidInput: 400, NotAllowed: 403, NotHere: 404}


@dataclass(frozen=True)
class LoggedFeedback:
    public_id: uuid.UUID
    is_new: bool


@dataclass(frozen=True)
class ItemAnswer:
    """`status` as in HTTP; `code` says why an item was refused."""

    event_id: str
    status: int
    code: str = ""


@dataclass(frozen=True)
class First:
    """What is stored under an event id."""

    public_id: uuid.UUID
    content_hash: str


def feedback_log(*, actor: Actor, item: FeedbackItem) -> LoggedFeedback:
    """Store one feedback; the same event again gives the first answer.

    Raises NotHere `unknown_task`, InvalidInput naming the field, Conflict `event_id_conflict`.
    """
    actor.require(role=Role.EDITOR, scope=Scope.FEEDBACK_WRITE)
    maker = RowMaker(actor, [item])
    row = maker.row(item)
    stored = ingest.store([row])
    if stored.event_ids:
        _ask_for_jobs(stored.counters, maker.tasks.values())
        return LoggedFeedback(uuid.UUID(row["public_id"]), is_new=True)
    first = _firsts(actor, [item.event_id])[item.event_id]
    if first.content_hash not in (row["content_hash"], REDACTED_HASH):
        message = f"the event {item.event_id!r} is stored with other content"
        raise Conflict(message, code=EVENT_ID_CONFLICT)
    return LoggedFeedback(first.public_id, is_new=False)


def feedback_log_batch(
    *, actor: Actor, items: Sequence[FeedbackItem | RefusedItem]
) -> list[ItemAnswer]:
    """Store what can be stored, in one transaction, and answer each item in its place."""
    actor.require(role=Role.EDITOR, scope=Scope.FEEDBACK_WRITE)
    maker = RowMaker(actor, [item for item in items if isinstance(item, FeedbackItem)])
    prepared = [_row_or_refusal(maker, item) for item in items]
    rows: dict[str, dict[str, Any]] = {}
    for row in prepared:
        if isinstance(row, dict):
            rows.setdefault(row["event_id"], row)
    stored = ingest.store(list(rows.values())) if rows else ingest.Stored(frozenset(), ())
    _ask_for_jobs(stored.counters, maker.tasks.values())
    return _answers(actor, prepared, rows, stored.event_ids)


@transaction.atomic
def feedback_consume(*, task: Task, job_id: uuid.UUID) -> int:
    """Give the job all rows no job has, once: a job that asks again keeps what it took.

    Random calls that nobody has judged stay for a person to review.
    """
    TaskCounter.objects.select_for_update().filter(task=task).first()
    taken = Feedback.objects.filter(task=task, consumed_by=job_id).count()
    if taken:
        return taken
    free = Feedback.objects.filter(task=task, consumed_by=None, dismissed_at=None)
    free = free.exclude(is_unjudged())
    taken = free.update(consumed_by=job_id)
    left = Greatest(F("unconsumed") - taken, 0)
    TaskCounter.objects.filter(task=task).update(unconsumed=left)
    return taken


@transaction.atomic
def feedback_release(*, job_id: uuid.UUID) -> int:
    """Give back the rows of a job that ended without a verdict."""
    held = Feedback.objects.filter(consumed_by=job_id)
    task_ids = sorted(held.order_by().values_list("task_id", flat=True).distinct())
    return sum(_release(task_id, held.filter(task_id=task_id)) for task_id in task_ids)


def _release(task_id: int, held: Any) -> int:
    TaskCounter.objects.select_for_update().filter(task_id=task_id).first()
    # Dismissed rows are free as well, and are no reason for another job.
    held.filter(dismissed_at__isnull=False).update(consumed_by=None)
    freed: int = held.update(consumed_by=None)
    counter = TaskCounter.objects.filter(task_id=task_id)
    counter.update(unconsumed=F("unconsumed") + freed)
    return freed


Prepared = dict[str, Any] | ItemAnswer


def _row_or_refusal(maker: RowMaker, item: FeedbackItem | RefusedItem) -> Prepared:
    if isinstance(item, RefusedItem):
        return ItemAnswer(item.event_id, 400, item.error.code)
    try:
        return maker.row(item)
    except (InvalidInput, NotAllowed, NotHere) as error:
        return ItemAnswer(item.event_id, STATUSES[type(error)], error.code)


def _answers(
    actor: Actor,
    prepared: Sequence[Prepared],
    rows: Mapping[str, dict[str, Any]],
    new: frozenset[str],
) -> list[ItemAnswer]:
    """Compare each item with what its event id stands for: this batch's row, or a former one."""
    hashes = {event_id: row["content_hash"] for event_id, row in rows.items()}
    former = _firsts(actor, [event_id for event_id in rows if event_id not in new])
    hashes |= {event_id: first.content_hash for event_id, first in former.items()}
    return [
        row if isinstance(row, ItemAnswer) else _answer(row, rows, new, hashes) for row in prepared
    ]


def _answer(
    row: Mapping[str, Any],
    rows: Mapping[str, Mapping[str, Any]],
    new: frozenset[str],
    hashes: Mapping[str, str],
) -> ItemAnswer:
    event_id = row["event_id"]
    if event_id in new and row is rows[event_id]:
        return ItemAnswer(event_id, 201)
    if hashes[event_id] in (row["content_hash"], REDACTED_HASH):
        return ItemAnswer(event_id, 200)
    return ItemAnswer(event_id, 409, EVENT_ID_CONFLICT)


def _firsts(actor: Actor, event_ids: Sequence[str]) -> dict[str, First]:
    if not event_ids:
        return {}
    found = Feedback.objects.filter(project_id=actor.project_id, event_id__in=event_ids)
    rows = found.values_list("event_id", "public_id", "content_hash")
    return {event_id: First(public_id, digest) for event_id, public_id, digest in rows}


def _ask_for_jobs(counters: Iterable[ingest.Counted], tasks: Iterable[Task]) -> None:
    known = {task.pk: task for task in tasks}
    for counter in counters:
        if _asks_for_a_job(known[counter.task_id], counter):
            transaction.on_commit(partial(_send, counter.task_id))


def feedback_counted(task: Task) -> None:
    """Count one more row that jobs can use, and ask for a job where that fills the threshold.

    Belongs in the transaction that judged the row.
    """
    TaskCounter.objects.get_or_create(task=task)
    TaskCounter.objects.filter(task=task).update(unconsumed=F("unconsumed") + 1)
    counter = TaskCounter.objects.get(task=task)
    counted = ingest.Counted(task.pk, 1, counter.unconsumed, counter.not_before)
    _ask_for_jobs([counted], [task])


def _asks_for_a_job(task: Task, counter: ingest.Counted) -> bool:
    before = counter.unconsumed - counter.added
    has_crossed = counter.unconsumed // task.threshold > before // task.threshold
    is_cool = counter.not_before is None or counter.not_before <= timezone.now()
    return has_crossed and task.auto_trigger and is_cool


def _send(task_id: int) -> None:
    threshold_reached.send_robust(sender=Task, task_id=task_id)
