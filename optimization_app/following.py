"""Waiting for a job in a terminal; whoever interrupts this leaves the job running."""

import time

from kaizen_engine.states import JOB_TRANSITIONS, JobState
from optimization_app.models import Job
from optimization_app.selectors import job_by_public_id, job_sentence
from projects_app.commands import ProgressLine
from projects_app.models import Project

LOOK_AGAIN_S = 1.0


def job_follow(project: Project, job: Job, line: ProgressLine) -> Job:
    """Draw the job's progress until it has ended, and return it as it is then."""
    while JOB_TRANSITIONS[JobState(job.state)]:
        line.update(job.progress / 100, f"{job_sentence(job)} {job.spent_usd:.4f} USD")
        time.sleep(LOOK_AGAIN_S)
        job = job_by_public_id(project, job.public_id)
    line.clear()
    return job
