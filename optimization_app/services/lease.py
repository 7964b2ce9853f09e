"""Who works on a job: a claim with a fence, kept alive by a lease.

1. A claim is one conditional UPDATE; losing the race is a normal return.
2. The holder pushes its lease forward every quarter of it; no row updated means it lost the job.
3. Every later write of the holder names its fence, so a holder that slept through its lease and
   woke up again changes nothing.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from uuid_utils.compat import uuid7

from kaizen_engine.llm.meter import Spent
from kaizen_engine.states import JobState
from llm_app.writer import LostLease
from optimization_app.models import Job
from optimization_app.services.moves import HELD_STATES, held_by, job_move
from projects_app.actors import Actor
from projects_app.services.audit import audit_record


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until somebody else claims it."""

    job_id: int
    fence: int
    claimed_at: datetime
    deadline_at: datetime
    attempts: int


def lease_length() -> timedelta:
    return timedelta(seconds=settings.CONFIG.lease_s)


def worker_name() -> str:
    """Return a name no other claim has, so that a claim can recognise itself."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid7().hex[-12:]}"


def stale_at(now: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def job_claim(job_id: int, worker_id: str, *, now: datetime | None = None) -> Claim | None:
    """Take a job that waits, or whose holder let its lease run out; None when neither holds.

    The deadline is fixed by the first claim: a restart gives a job no more time.
    """
    now = now or timezone.now()
    job = Job.objects.select_related("task").filter(pk=job_id).first()
    if job is None:
        return None
    deadline = now + timedelta(minutes=job.minutes)
    waiting = Q(state=JobState.QUEUED.value) | Q(state__in=HELD_STATES)
    with transaction.atomic():
        taken = Job.objects.filter(
            waiting & stale_at(now), pk=job_id, attempts__lt=F("max_attempts")
        ).update(
            state=Case(
                When(state=JobState.PUBLISHING.value, then=Value(JobState.PUBLISHING.value)),
                default=Value(JobState.RUNNING.value),
            ),
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=now + lease_length(),
            heartbeat_at=now,
            worker_id=worker_id,
            started_at=_first("started_at", now),
            deadline_at=_first("deadline_at", deadline),
        )
        if not taken:
            return None
        row = Job.objects.get(pk=job_id)
        audit_record(
            actor=Actor.system(job.task.project_id),
            action="kaizen.job.claimed",
            subject=row,
            fence=row.fence,
            attempt=row.attempts,
        )
    return Claim(job_id, row.fence, now, row.deadline_at or deadline, row.attempts)


def _first(field: str, value: datetime) -> Coalesce:
    return Coalesce(F(field), Value(value, output_field=DateTimeField()))


def lease_extend(
    job_id: int, fence: int, *, spent: Spent | None = None, now: datetime | None = None
) -> bool:
    """Push the lease forward, noting what is spent; False: the job is somebody else's by now."""
    now = now or timezone.now()
    changes: dict[str, object] = {"lease_until": now + lease_length(), "heartbeat_at": now}
    if spent is not None:
        changes |= spent_changes(spent)
    return bool(Job.objects.filter(held_by(fence), pk=job_id).update(**changes))


def lease_keep(job_id: int, where: Q) -> bool:
    """Push the lease forward without a heartbeat, as long as `where` holds."""
    until = timezone.now() + lease_length()
    return bool(Job.objects.filter(where, pk=job_id).update(lease_until=until))


def spent_changes(spent: Spent) -> dict[str, object]:
    """Return the columns of a job that say what it has spent."""
    return {"spent_usd": spent.usd, "spent_tokens": spent.tokens, "calls": spent.calls}


def fence_holds(job_id: int, fence: int) -> bool:
    """Check the fence by writing: the row is locked for the rest of the transaction."""
    return bool(Job.objects.filter(held_by(fence), pk=job_id).update(fence=fence))


def fence_require(job_id: int, fence: int) -> None:
    """Do the same; raises LostLease where another claim has the job by now."""
    if not fence_holds(job_id, fence):
        raise LostLease("the job is somebody else's by now")


def lease_release(job: Job, fence: int, *, counts_as_attempt: bool = True) -> bool:
    """Give an unfinished job back to the queue, for another worker to replay its journal."""
    changes: dict[str, object] = {"lease_until": None, "worker_id": ""}
    if not counts_as_attempt:
        changes["attempts"] = F("attempts") - 1
    return job_move(
        actor=Actor.system(job.task.project_id),
        job=job,
        to=JobState.QUEUED,
        where=held_by(fence),
        reason="the worker gave it back",
        **changes,
    )
