"""Finding jobs that nobody works on any more. Queue redelivery alone is no recovery."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from kaizen_engine.states import JobState, StopReason
from optimization_app.models import Job
from optimization_app.queue import messages_nobody_took, wake, wake_on_commit
from optimization_app.services.finish import job_end_cancelled, job_fail
from optimization_app.services.lease import stale_at
from optimization_app.services.moves import HELD_STATES, job_move
from projects_app.actors import Actor


@dataclass
class Reaped:
    """What one look found."""

    requeued: int = 0
    ended: int = 0
    woken: int = 0


def jobs_reap(*, now: datetime | None = None) -> Reaped:
    """Requeue jobs whose lease ran out, end those out of attempts, wake for those forgotten."""
    now = now or timezone.now()
    reaped = Reaped()
    for job in _lost(now):
        if job.cancel_requested or job.attempts >= job.max_attempts:
            reaped.ended += _end(job, _still_lost(job, now))
        else:
            reaped.requeued += _requeue(job, _still_lost(job, now))
    reaped.woken = _wake_forgotten(now)
    return reaped


def _lost(now: datetime) -> QuerySet[Job]:
    stale = Q(state__in=HELD_STATES, lease_until__lt=now)
    worn_out = Q(state=JobState.QUEUED.value, attempts__gte=F("max_attempts"))
    return Job.objects.select_related("task").filter(stale | worn_out)


def _still_lost(job: Job, now: datetime) -> Q:
    """The same fence and a lease that is still over: the holder may have come back meanwhile."""
    return Q(fence=job.fence) & stale_at(now)


def _end(job: Job, where: Q) -> bool:
    if job.cancel_requested:
        return job_end_cancelled(job=job, where=where)
    error = f"The worker was lost {job.attempts} times while it worked on this job."
    return job_fail(job=job, stop_reason=StopReason.WORKER_LOST, where=where, error=error)


@transaction.atomic
def _requeue(job: Job, where: Q) -> bool:
    moved = job_move(
        actor=Actor.system(job.task.project_id),
        job=job,
        to=JobState.QUEUED,
        where=where,
        reason="its lease ran out",
        lease_until=None,
        worker_id="",
    )
    if moved:
        wake_on_commit(job.pk)
    return moved


def _wake_forgotten(now: datetime) -> int:
    """Send a message for each waiting job, unless as many messages wait for a worker already."""
    old = now - timedelta(seconds=settings.CONFIG.reaper_period_s)
    waiting = Job.objects.filter(state=JobState.QUEUED.value, created_at__lt=old)
    forgotten = list(waiting.order_by("id").values_list("pk", flat=True))
    if len(forgotten) <= messages_nobody_took():
        return 0
    for job_id in forgotten:
        wake(job_id)
    return len(forgotten)
