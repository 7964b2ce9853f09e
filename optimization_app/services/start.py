"""Starting a job: everything that can be refused is refused here, before anything is queued.

The lock is the partial unique constraint: whoever loses the race gets the winner's job.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from feedback_app.models import TaskCounter
from feedback_app.selectors import dataset_of, tasks_over_threshold
from feedback_app.services.feedback import feedback_consume
from kaizen_engine.errors import KaizenError
from kaizen_engine.states import LIVE_JOB_STATES, JobKind
from llm_app.gateways import check_all_priced
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.queue import wake_on_commit
from optimization_app.services.daily_budget import refuse_over_daily_budget
from optimization_app.services.estimate import (
    estimate_for,
    refuse_if_over_budget,
    refuse_unconfirmed,
)
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import AuditEntry, Role, Scope
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from tasks_app.fit import media_of
from tasks_app.models import Task

logger = logging.getLogger(__name__)

ATTEMPTS = 5
REFUSED = "kaizen.job.refused"


@dataclass(frozen=True)
class Plan:
    """A job that may be started."""

    task: Task
    config: JobConfig
    seed_version: PromptVersion
    estimate: Mapping[str, Any]


class _TooFewRows(Exception):
    """Another job has taken the rows meanwhile."""


def job_start(
    *,
    actor: Actor,
    task: Task,
    trigger: str,
    config: Mapping[str, Any] | None = None,
    confirm: bool = False,
) -> tuple[Job, bool]:
    """Queue a job, or return the live one of the task with False.

    `confirm` says that a person has seen what it may cost. Raises InvalidInput (task_archived,
    no_active_version, no_student, invalid_config), PriceUnknown and Conflict (budget_too_small,
    confirmation_needed, daily_budget).
    """
    actor.require(role=Role.EDITOR, scope=Scope.OPTIMIZE_TRIGGER, project_id=task.project_id)
    live = live_job(task)
    if live is not None:
        return live, False
    plan = job_plan(task, config or {})
    if not confirm:
        _refuse_unconfirmed(plan)
    return _insert(actor, plan, trigger, at_least=0)


def job_start_automatic(task_id: int) -> Job | None:
    """Start the job a full threshold asks for; None when there is no reason to any more.

    A task in setup state never triggers. A refusal is looked at again after a while, and in the
    audit trail once a day for as long as its reason stays the same.
    """
    task = _task_to_trigger(task_id)
    if task is None:
        return None
    try:
        plan = job_plan(task, {})
        _refuse_unconfirmed(plan)
        job, _ = _insert(Actor.system(task.project_id), plan, "threshold", at_least=task.threshold)
    except _TooFewRows:
        return None
    except KaizenError as error:
        logger.warning("no job for the task %s: %s", task.slug, error)
        _refuse(task, error)
        return None
    return job


def _refuse_unconfirmed(plan: Plan) -> None:
    budget, limit = Decimal(plan.config.budget_usd), plan.task.project.confirm_over_usd
    refuse_unconfirmed(plan.estimate, budget, limit)


def confirmation_asked(plan: Plan) -> str:
    """Return what a person has to confirm before this job, empty where nothing."""
    try:
        _refuse_unconfirmed(plan)
    except Conflict as asked:
        return str(asked)
    return ""


def live_job(task: Task) -> Job | None:
    live = [state.value for state in LIVE_JOB_STATES]
    jobs = Job.objects.filter(task=task, kind=JobKind.OPTIMIZE.value, state__in=live)
    return jobs.select_related("task").first()


def job_plan(task: Task, changes: Mapping[str, Any]) -> Plan:
    """Check everything a job needs and estimate it; nothing is written."""
    if task.archived_at is not None:
        raise InvalidInput(f"the task {task.slug} is archived", code="task_archived")
    seed_version = _active_version(task)
    config = JobConfig.of_task(task, changes)
    if not config.student:
        message = f"the task {task.slug} names no student model"
        raise InvalidInput(message, code="no_student", errors={"student": message})
    if "audio_url" in media_of(task).values():
        message = f"the task {task.slug} has sound as an input: it is stored, and not optimized"
        raise InvalidInput(message, code="audio_not_optimized")
    if config.dataset_id:
        dataset_of(task, config.dataset_id)
    check_all_priced(task.project, config.models)
    estimate = estimate_for(task, seed_version, config)
    refuse_if_over_budget(estimate, config)
    return Plan(task, config, seed_version, estimate.to_json())


def _active_version(task: Task) -> PromptVersion:
    version = live_version(task)
    if version is None:
        message = f"the task {task.slug} has no live version to improve on"
        raise InvalidInput(message, code="no_active_version")
    return version


def _task_to_trigger(task_id: int) -> Task | None:
    task = Task.objects.select_related("project", "student_connection", "teacher_connection")
    found = task.filter(pk=task_id).first()
    if found is None or task_id not in tasks_over_threshold(timezone.now()):
        return None
    return found if live_version(found) and live_job(found) is None else None


@transaction.atomic
def _refuse(task: Task, error: KaizenError) -> None:
    """Wait without counting a failure: what was refused never ran."""
    now, wait = timezone.now(), timedelta(seconds=settings.CONFIG.cooldown_s)
    TaskCounter.objects.filter(task=task).update(not_before=now + wait)
    told = AuditEntry.objects.filter(
        action=REFUSED,
        object_type="task",
        object_id=str(task.public_id),
        at__gt=now - timedelta(days=1),
    )
    last = told.first()
    if last is None or last.reason != str(error):
        audit_record(
            actor=Actor.system(task.project_id),
            action=REFUSED,
            subject=task,
            reason=str(error),
            code=error.code,
        )


def _insert(actor: Actor, plan: Plan, trigger: str, *, at_least: int) -> tuple[Job, bool]:
    """Insert the job with its rows; the winner of a race may end before the loser looks."""
    for _ in range(ATTEMPTS):
        try:
            return _insert_once(actor, plan, trigger, at_least), True
        except IntegrityError:
            winner = live_job(plan.task)
            if winner is not None:
                return winner, False
    raise Conflict("the task's jobs come and go; try again", code="stale")


@transaction.atomic
def _insert_once(actor: Actor, plan: Plan, trigger: str, at_least: int) -> Job:
    config = plan.config
    job = Job.objects.create(
        task=plan.task,
        trigger=trigger,
        started_by=actor.user,
        started_by_label=actor.label,
        optimizer=config.optimizer_type,
        config=config.to_json(),
        seed=secrets.randbelow(2**31),
        seed_version=plan.seed_version,
        budget_usd=Decimal(config.budget_usd),
        budget_tokens=config.budget_tokens,
        minutes=config.minutes,
        estimate=dict(plan.estimate),
    )
    refuse_over_daily_budget(job)
    # A job on a dataset reads no feedback, and leaves it to the next one.
    taken = 0 if config.dataset_id else feedback_consume(task=plan.task, job_id=job.public_id)
    if taken < at_least:
        raise _TooFewRows
    audit_record(
        actor=actor,
        action="kaizen.job.queued",
        subject=job,
        trigger=trigger,
        feedback=taken,
        config=job.config,
    )
    wake_on_commit(job.pk)
    return job
