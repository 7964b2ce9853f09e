"""What the commands share that start a job: its confirmation, the wait for it, its facts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kaizen_engine.states import JOB_TRANSITIONS, JobState
from optimization_app.models import Job
from optimization_app.selectors import job_by_public_id, job_sentence
from projects_app.commands import CheckFailed, ProgressLine
from projects_app.exceptions import Conflict
from projects_app.models import Project

LOOK_AGAIN_S = 1.0


@contextmanager
def pointing_to_yes() -> Iterator[None]:
    """Name the option that starts what a project wants confirmed first."""
    try:
        yield
    except Conflict as error:
        if error.code != "confirmation_needed":
            raise
        raise CheckFailed(f"{error}; with --yes it starts") from error


def job_follow(project: Project, job: Job, line: ProgressLine) -> Job:
    """Draw the job's progress until it has ended, and return it as it is then.

    Whoever interrupts this leaves the job running.
    """
    while JOB_TRANSITIONS[JobState(job.state)]:
        line.update(job.progress / 100, f"{job_sentence(job)} {job.spent_usd:.4f} USD")
        time.sleep(LOOK_AGAIN_S)
        job = job_by_public_id(project, job.public_id)
    line.clear()
    return job


def job_facts(job: Job) -> dict[str, Any]:
    """Return what a command prints for programs."""
    version = job.result_version
    return {
        "job": str(job.public_id),
        "state": job.state,
        "stop_reason": job.stop_reason,
        "verdict": job.verdict,
        "version": version.number if version else None,
        "calls": job.calls,
        "spent_usd": f"{job.spent_usd:f}",
        "error": job.error,
        "evidence": job.result.get("evidence"),
    }
