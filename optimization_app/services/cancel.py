"""Stop a job: at once while it waits, by a flag that the worker reads while it runs."""

from django.db import transaction
from django.db.models import Q

from kaizen_engine.states import JobState
from optimization_app.models import Job
from optimization_app.services.finish import job_end_cancelled
from optimization_app.services.moves import HELD_STATES
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record


def job_cancel(*, actor: Actor, job: Job, reason: str = "", keep_best: bool = False) -> Job:
    """Stop the job, and with `keep_best` draft what led the search.

    Asking twice is no error and the first asker decides; a job that has ended raises Conflict
    (stale).
    """
    actor.require(role=Role.EDITOR, scope=Scope.OPTIMIZE_TRIGGER, project_id=job.task.project_id)
    if not (_cancel_waiting(actor, job, reason) or _ask_the_worker(actor, job, reason, keep_best)):
        state = Job.objects.values_list("state", flat=True).get(pk=job.pk)
        raise Conflict(f"the job is {state}, so it cannot be cancelled", code="stale")
    job.refresh_from_db()
    return job


def _cancel_waiting(actor: Actor, job: Job, reason: str) -> bool:
    waiting = Q(state=JobState.QUEUED.value)
    return job_end_cancelled(
        job=job, where=waiting, actor=actor, reason=reason, cancel_requested=True
    )


@transaction.atomic
def _ask_the_worker(actor: Actor, job: Job, reason: str, keep_best: bool) -> bool:
    held = Job.objects.filter(pk=job.pk, state__in=HELD_STATES)
    asked = held.filter(cancel_requested=False)
    if asked.update(cancel_requested=True, keep_best=keep_best):
        audit_record(
            actor=actor,
            action="kaizen.job.cancel_requested",
            subject=job,
            reason=reason,
            keep_best=keep_best,
        )
        return True
    return held.exists()
