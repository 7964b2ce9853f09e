"""Starting the jobs that are due by their task's cron.

The stored next time is the lock: whoever moves it on starts the job, in the same transaction. It
moves to the first time after now, so that all that came due during a downtime is one run.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kaizen_engine.errors import KaizenError
from optimization_app.models import Job
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from prompts_app.selectors import live_version
from tasks_app.cron import next_time
from tasks_app.models import Task

logger = logging.getLogger(__name__)


def tasks_due(now: datetime) -> QuerySet[Task]:
    """Return the tasks whose time has come; a cool-down holds theirs back until it is over."""
    is_cool = Q(counter=None) | Q(counter__not_before=None) | Q(counter__not_before__lte=now)
    due = Task.objects.filter(is_cool, next_run_at__lte=now, archived_at=None)
    return due.select_related("project", "student_connection", "teacher_connection").order_by(
        "next_run_at"
    )


@transaction.atomic
def job_start_scheduled(task: Task, now: datetime | None = None) -> Job | None:
    """Start the job of this period; None when another scheduler did, or there is nothing to do.

    A job under way is as good. A task in setup state, or refused, waits for its next time.
    """
    following = next_time(task.cron, now or timezone.now())
    seen = Task.objects.filter(pk=task.pk, cron=task.cron, next_run_at=task.next_run_at)
    if not seen.update(next_run_at=following) or not _is_set_up(task):
        return None
    try:
        actor = Actor.system(task.project_id)
        job, is_new = job_start(actor=actor, task=task, trigger="schedule")
    except KaizenError as error:
        logger.warning("no scheduled job for the task %s: %s", task.slug, error)
        return None
    return job if is_new else None


def _is_set_up(task: Task) -> bool:
    return bool(task.student) and live_version(task) is not None
