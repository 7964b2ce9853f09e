"""Dismissed feedback: out of the queue, and used by no job, until somebody puts it back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from feedback_app.models import Example, Feedback, TaskCounter
from feedback_app.selectors import is_unjudged
from feedback_app.services.feedback import feedback_counted
from projects_app.actors import Actor
from projects_app.models import Role
from projects_app.services.audit import audit_record
from tasks_app.models import Task


@transaction.atomic
def feedback_dismiss(*, actor: Actor, rows: Sequence[Feedback]) -> int:
    """Take the rows, and the examples made of them, out of the work; return how many changed."""
    open_rows = locked_rows(actor, rows).filter(dismissed_at=None)
    chosen = list(open_rows.select_for_update())
    forget_waiting(open_rows)
    now = timezone.now()
    open_rows.update(dismissed_at=now)
    Example.objects.filter(feedback__in=chosen, dismissed_at=None).update(dismissed_at=now)
    for row in chosen:
        audit_record(actor=actor, action="kaizen.feedback.dismissed", subject=row)
    return len(chosen)


@transaction.atomic
def feedback_restore(*, actor: Actor, rows: Sequence[Feedback]) -> int:
    """Put dismissed rows back; what was redacted stays dismissed. Return how many changed."""
    put_away = locked_rows(actor, rows).filter(dismissed_at__isnull=False, redacted_at=None)
    chosen = list(put_away.select_for_update(of=("self",)).select_related("task"))
    put_away.update(dismissed_at=None)
    Example.objects.filter(feedback__in=chosen, redacted_at=None).update(dismissed_at=None)
    for task in _waiting(chosen):
        feedback_counted(task)
    for row in chosen:
        audit_record(actor=actor, action="kaizen.feedback.restored", subject=row)
    return len(chosen)


def locked_rows(actor: Actor, rows: Iterable[Feedback]) -> QuerySet[Feedback]:
    """Check the actor's right and hold the counters, so that no job takes the rows meanwhile."""
    chosen = list(rows)
    actor.require(role=Role.EDITOR)
    for row in chosen:
        actor.require(role=Role.EDITOR, project_id=row.project_id)
    tasks = {row.task_id for row in chosen}
    counters = TaskCounter.objects.select_for_update().filter(task__in=tasks)
    list(counters.order_by("task_id"))
    return Feedback.objects.filter(pk__in=[row.pk for row in chosen])


def forget_waiting(rows: QuerySet[Feedback]) -> None:
    """Count those of the rows no more that wait for a job."""
    waiting = rows.filter(consumed_by=None, dismissed_at=None).exclude(is_unjudged())
    for task_id, count in Counter(waiting.values_list("task_id", flat=True)).items():
        left: Any = Greatest(F("unconsumed") - count, 0)
        TaskCounter.objects.filter(task_id=task_id).update(unconsumed=left)


def _waiting(rows: Sequence[Feedback]) -> list[Task]:
    """Return the task of each row that waits for a job again."""
    mine = Feedback.objects.filter(pk__in=[row.pk for row in rows], consumed_by=None)
    waiting = set(mine.exclude(is_unjudged()).values_list("pk", flat=True))
    return [row.task for row in rows if row.pk in waiting]
