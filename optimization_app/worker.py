"""What django-q2 calls. Each function may be called twice, late or by two workers at once."""

import logging
import subprocess

from django.utils import timezone

from feedback_app.selectors import tasks_over_threshold
from optimization_app.models import Job
from optimization_app.processes import manage_command
from optimization_app.queue import analyse
from optimization_app.selectors import jobs_without_insights
from optimization_app.services.judging import judge_round
from optimization_app.services.lease import job_claim, worker_name
from optimization_app.services.playground_run import playground_run
from optimization_app.services.playground_sweep import playground_sweep
from optimization_app.services.reap import jobs_reap
from optimization_app.services.schedule import job_start_scheduled, tasks_due
from optimization_app.services.start import job_start_automatic
from optimization_app.stopping import leave_if_orphaned, stop_requested
from optimization_app.supervisor import Supervisor

logger = logging.getLogger(__name__)

# Below the time-out of the queue's default cluster.
ANALYSIS_S = 110


def run_optimize_job(job_id: int) -> str:
    """Work on the job if nobody else does. Returns what happened, for the queue's own record."""
    leave_if_orphaned()
    if stop_requested():
        return "left to the next worker"
    claim = job_claim(job_id, worker_name())
    if claim is None:
        return "not to be claimed"
    Supervisor(claim).run()
    return f"attempt {claim.attempts}"


def analyse_job(job_id: int) -> str:
    """Work out a job's insights in a process of its own, whose memory and time end with it."""
    leave_if_orphaned()
    job = Job.objects.select_related("task__project").filter(pk=job_id).first()
    if job is None:
        return "removed"
    named = ("--project", job.task.project.slug, str(job.public_id))
    done = subprocess.run(  # noqa: S603 - a fixed command
        manage_command("insights", *named),
        timeout=ANALYSIS_S,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        logger.warning("no insights of job %d: %s", job_id, done.stderr.strip()[-500:])
    return done.stdout.strip() or f"ended with {done.returncode}"


def ask_judge(task_id: int) -> str:
    leave_if_orphaned()
    return judge_round(task_id)


def try_out(run_id: int) -> str:
    leave_if_orphaned()
    return playground_run(run_id)


def sweep_insights() -> int:
    """Send for the insights of jobs that ended a while ago and have none."""
    leave_if_orphaned()
    waiting = jobs_without_insights(timezone.now())
    for job_id in waiting:
        analyse(job_id)
    return len(waiting)


def reap_jobs() -> str:
    leave_if_orphaned()
    reaped = jobs_reap()
    playground_sweep()
    return f"requeued {reaped.requeued}, ended {reaped.ended}, woken {reaped.woken}"


def sweep_thresholds() -> int:
    """Start the jobs that a lost signal, a cool-down or a running job has held back."""
    leave_if_orphaned()
    started = 0
    for task_id in tasks_over_threshold(timezone.now()):
        try:
            started += job_start_automatic(task_id) is not None
        except Exception:
            logger.exception("no job could be started for the task %d", task_id)
    return started


def sweep_schedules() -> int:
    """Start the jobs whose time has come by their task's own schedule."""
    leave_if_orphaned()
    now, started = timezone.now(), 0
    for task in tasks_due(now):
        try:
            started += job_start_scheduled(task, now) is not None
        except Exception:
            logger.exception("no scheduled job could be started for the task %s", task.slug)
    return started
