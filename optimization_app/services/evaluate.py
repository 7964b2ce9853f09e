"""Starting an evaluation: a version scored on rows, beside what is live unless it is that itself.

Evaluations of a task are not limited; asking twice for the same one returns the one under way.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from feedback_app.selectors import dataset_of
from kaizen_engine.evaluate.spec import models_of
from kaizen_engine.prompts.artifact import canonical_json
from kaizen_engine.states import LIVE_JOB_STATES, JobKind
from llm_app.gateways import check_all_priced
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.queue import wake_on_commit
from optimization_app.services.daily_budget import refuse_over_daily_budget
from optimization_app.services.estimate import refuse_if_over_budget, refuse_unconfirmed
from optimization_app.services.evaluate_estimate import EvaluationEstimate, evaluation_estimate
from optimization_app.services.evaluate_rows import PLACE, RowsAsked, rows_asked
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from tasks_app.models import Task

SETTINGS = ("budget_usd", "budget_tokens", "minutes", "student", "dataset_id")


@dataclass(frozen=True)
class EvaluationPlan:
    """An evaluation that may be started. `baseline` is what the version is compared with."""

    version: PromptVersion
    baseline: PromptVersion | None
    asked: RowsAsked
    config: JobConfig
    estimate: EvaluationEstimate

    @property
    def task(self) -> Task:
        return self.version.task

    def to_json(self) -> dict[str, Any]:
        """Return the job's configuration: a search's settings, and which rows are meant."""
        return {**self.config.to_json(), PLACE: self.asked.to_json()}


def evaluation_start(
    *,
    actor: Actor,
    version: PromptVersion,
    trigger: str,
    split: str = "dev",
    look: bool = False,
    alone: bool = False,
    config: Mapping[str, Any] | None = None,
    confirm: bool = False,
) -> tuple[Job, bool]:
    """Queue the evaluation, or return the same one that is under way with False.

    `look` reads the hold-out as well, and counts a look at its rows once it has figures; `alone`
    compares with nothing. Raises what `evaluation_plan` raises, and Conflict
    (confirmation_needed, daily_budget).
    """
    actor.require(role=Role.EDITOR, scope=Scope.EVALUATE, project_id=version.task.project_id)
    plan = evaluation_plan(version, split=split, look=look, alone=alone, config=config)
    if not confirm:
        limit = plan.task.project.confirm_over_usd
        refuse_unconfirmed(plan.estimate.to_json(), Decimal(plan.config.budget_usd), limit)
    return _insert(actor, plan, trigger)


def evaluation_plan(
    version: PromptVersion,
    *,
    split: str = "dev",
    look: bool = False,
    alone: bool = False,
    config: Mapping[str, Any] | None = None,
) -> EvaluationPlan:
    """Check everything an evaluation needs and count its calls; nothing is written.

    Raises InvalidInput (task_archived, no_student, invalid_config, look_required, no_rows), NotHere
    (unknown_dataset), PriceUnknown and Conflict (budget_too_small).
    """
    task = version.task
    if task.archived_at is not None:
        raise InvalidInput(f"the task {task.slug} is archived", code="task_archived")
    asked = rows_asked(split, look=look)
    settings = _settings(task, config or {})
    live = None if alone else live_version(task)
    baseline = live if live and live.pk != version.pk else None
    versions = [version, *([baseline] if baseline else [])]
    estimate = evaluation_estimate(task, versions, asked, settings)
    if not estimate.has_rows:
        message = f"{task.slug} has no rows to score in {' and '.join(asked.splits)}"
        raise InvalidInput(message, code="no_rows", errors={"split": message})
    refuse_if_over_budget(estimate, settings)
    return EvaluationPlan(version, baseline, asked, settings, estimate)


def _settings(task: Task, changes: Mapping[str, Any]) -> JobConfig:
    unknown = {f"config.{name}": "is unknown" for name in changes if name not in SETTINGS}
    if unknown:
        message = f"an evaluation has the settings {', '.join(SETTINGS)}"
        raise InvalidInput(message, code="invalid_config", errors=unknown)
    config = JobConfig.of_task(task, changes)
    if not config.student:
        message = f"the task {task.slug} names no student model"
        raise InvalidInput(message, code="no_student", errors={"student": message})
    if config.dataset_id:
        dataset_of(task, config.dataset_id)
    check_all_priced(task.project, models_asked(config))
    return config


def models_asked(config: JobConfig) -> frozenset[str]:
    """Return student and judges: nobody teaches here."""
    return frozenset({config.student, *models_of(config.evaluator)})


@transaction.atomic
def _insert(actor: Actor, plan: EvaluationPlan, trigger: str) -> tuple[Job, bool]:
    # Starts of one task take turns, so that a second click finds the first one's job.
    Task.objects.select_for_update(no_key=True).get(pk=plan.task.pk)
    same = _under_way(plan)
    if same is not None:
        return same, False
    config = plan.config
    job = Job.objects.create(
        task=plan.task,
        kind=JobKind.EVALUATE.value,
        trigger=trigger,
        started_by=actor.user,
        started_by_label=actor.label,
        optimizer="",
        config=plan.to_json(),
        seed=secrets.randbelow(2**31),
        seed_version=plan.baseline or plan.version,
        result_version=plan.version,
        budget_usd=Decimal(config.budget_usd),
        budget_tokens=config.budget_tokens,
        minutes=config.minutes,
        estimate=plan.estimate.to_json(),
    )
    refuse_over_daily_budget(job)
    audit_record(
        actor=actor,
        action="kaizen.job.queued",
        subject=job,
        trigger=trigger,
        kind=job.kind,
        version=plan.version.number,
        look=plan.asked.has_look,
        config=job.config,
    )
    wake_on_commit(job.pk)
    return job, True


def _under_way(plan: EvaluationPlan) -> Job | None:
    live = Job.objects.filter(
        task=plan.task,
        kind=JobKind.EVALUATE.value,
        state__in=[state.value for state in LIVE_JOB_STATES],
        seed_version=plan.baseline or plan.version,
        result_version=plan.version,
    )
    wanted = canonical_json(plan.to_json())
    return next((job for job in live if canonical_json(job.config) == wanted), None)
