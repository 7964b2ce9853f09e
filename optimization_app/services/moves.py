"""The one place where a job's state moves: a conditional UPDATE with its audit row."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kaizen_engine.states import JOB_TRANSITIONS, LIVE_JOB_STATES, JobState
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.services.audit import audit_record

HELD_STATES = (JobState.RUNNING.value, JobState.PUBLISHING.value)


def held_by(fence: int) -> Q:
    """Match a job only while the claim with this fence is the one that works on it."""
    return Q(fence=fence, state__in=HELD_STATES)


def job_move(
    *,
    actor: Actor,
    job: Job,
    to: JobState,
    where: Q | None = None,
    reason: str = "",
    **changes: Any,
) -> bool:
    """Move the job if a legal predecessor and `where` still hold; return whether it moved."""
    came_from = [state.value for state, follow in JOB_TRANSITIONS.items() if to in follow]
    changes["state"] = to.value
    if to not in LIVE_JOB_STATES:
        changes |= {"lease_until": None, "finished_at": timezone.now()}
    with transaction.atomic():
        rows = Job.objects.filter(where or Q(), pk=job.pk, state__in=came_from)
        if not rows.update(**changes):
            return False
        audit_record(
            actor=actor,
            action=f"kaizen.job.{to.value}",
            subject=job,
            reason=reason,
            stop_reason=str(changes.get("stop_reason", "")),
        )
    return True
