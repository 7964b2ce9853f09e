"""How a job ends. Rows of a job without a verdict are free again for the next one."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from feedback_app.services.cooldown import trigger_cool_down
from feedback_app.services.feedback import feedback_release
from kaizen_engine.states import JobKind, JobState, StopReason, Verdict
from optimization_app.models import Job
from optimization_app.services.moves import job_move
from projects_app.actors import Actor

LONGEST_ERROR = 500


def job_finish(
    *,
    job: Job,
    to: JobState,
    stop_reason: StopReason,
    where: Q,
    actor: Actor | None = None,
    reason: str = "",
    **changes: Any,
) -> bool:
    """End the job while `where` still holds; False when somebody else was faster.

    A failed or cancelled search gives its rows back and lets the task cool down.
    """
    with transaction.atomic():
        moved = job_move(
            actor=actor or Actor.system(job.task.project_id),
            job=job,
            to=to,
            where=where,
            reason=reason,
            stop_reason=stop_reason.value,
            **changes,
        )
        if moved and job.kind == JobKind.OPTIMIZE:
            failed = to is not JobState.SUCCEEDED
            if failed:
                feedback_release(job_id=job.public_id)
            trigger_cool_down(task=job.task, failed=failed)
    return moved


def job_end_cancelled(*, job: Job, where: Q, **changes: Any) -> bool:
    """End a job that was asked to stop; False when somebody else was faster."""
    return job_finish(
        job=job, to=JobState.CANCELLED, stop_reason=StopReason.CANCELLED, where=where, **changes
    )


def job_fail(
    *, job: Job, stop_reason: StopReason, where: Q, error: str = "", **changes: Any
) -> bool:
    return job_finish(
        job=job,
        to=JobState.FAILED,
        stop_reason=stop_reason,
        where=where,
        reason=error[:LONGEST_ERROR],
        error=error[:LONGEST_ERROR],
        verdict=Verdict.NONE.value,
        **changes,
    )
