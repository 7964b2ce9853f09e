"""Trying texts out before anybody saves them.

A run asks each of its variants about each of its rows. It is queued like a job, capped by the most
that its calls can cost, and makes no version; what is worth keeping is saved as a draft.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from django.db import transaction
from django.utils import timezone

from feedback_app.models import Dataset, Example
from feedback_app.selectors import examples_known
from feedback_app.services.examples import examples_mark_used
from kaizen_engine.states import Split
from optimization_app.models import PlaygroundRun
from optimization_app.playground_models import LIVE_STATES
from optimization_app.queue import try_out_on_commit
from optimization_app.services.daily_budget import RUN_LIFE, refuse_run_over_daily_budget
from optimization_app.services.playground_estimate import Cost, Prices, Row, Variant
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Role
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion
from prompts_app.services.versions import version_create
from tasks_app.models import Task

MOST_ROWS = 50
MOST_LIVE = 4
OPEN_SPLITS = (Split.TRAIN.value, Split.DEV.value, "")


@dataclass(frozen=True)
class PlaygroundPlan:
    """A run that may be started; `costs` has one for each variant."""

    task: Task
    variants: Sequence[Variant]
    rows: Sequence[Row]
    is_scored: bool
    source: str
    costs: Sequence[Cost]
    judge_calls: tuple[int, int]

    @property
    def calls(self) -> int:
        return len(self.variants) * len(self.rows)

    @property
    def cost(self) -> Cost:
        return _sum(self.costs).capped

    @property
    def needs_word(self) -> bool:
        """Say whether a person has to confirm the cost first."""
        limit = self.task.project.confirm_over_usd
        return limit is not None and self.cost.high > limit


def rows_to_try(task: Task, dataset: Dataset | None, count: int) -> list[Row]:
    """Return the first rows that a person may see: never the hold-out, nor what is tied to it."""
    if not 1 <= count <= MOST_ROWS:
        message = f"must be from 1 to {MOST_ROWS}"
        raise InvalidInput(message, errors={"count": message})
    known = examples_known(task).filter(split__in=OPEN_SPLITS, is_tied=False)
    if dataset is not None:
        known = known.filter(dataset=dataset)
    rows = [Row(one.inputs, one.outputs or {}, one.pk) for one in known[:count]]
    if not rows:
        message = "there is no row to try: there are none, or all of them are hold-out"
        raise InvalidInput(message, code="no_rows", errors={"count": message})
    return rows


def playground_plan(
    task: Task,
    variants: Sequence[Variant],
    rows: Sequence[Row],
    *,
    is_scored: bool = True,
    source: str = "",
) -> PlaygroundPlan:
    """Count the calls and their cost; nothing is written and no model is asked.

    Raises InvalidInput (not_rendered) where an input is missing, PriceUnknown, and NotHere for a
    model of a connection that the project lacks.
    """
    prices = Prices.of(task, variants, rows, is_scored=is_scored)
    costs = [_sum(prices.cost_of(one, row) for row in rows) for one in variants]
    judge_calls = prices.judge_calls(len(variants) * len(rows))
    return PlaygroundPlan(task, variants, rows, is_scored, source, costs, judge_calls)


@transaction.atomic
def playground_start(*, actor: Actor, plan: PlaygroundPlan, confirm: bool = False) -> PlaygroundRun:
    """Queue the run. Raises Conflict (confirmation_needed, too_many_runs, daily_budget)."""
    task = plan.task
    actor.require(role=Role.EDITOR, project_id=task.project_id)
    if plan.needs_word and not confirm:
        message = f"the run may cost up to ${plan.cost.high:.2f}: confirm that you have seen it"
        raise Conflict(message, code="confirmation_needed")
    # Starts of one task take turns, so that two cannot both be the last that fits.
    Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    _refuse_too_many(task)
    run = _insert(actor, plan)
    refuse_run_over_daily_budget(run)
    shown = [row.example for row in plan.rows if row.example is not None]
    examples_mark_used(task=task, example_ids=shown)
    audit_record(
        actor=actor,
        action="kaizen.playground.started",
        subject=run,
        prompt=task.slug,
        models=[one.model for one in plan.variants],
        rows=len(plan.rows),
        budget_usd=str(run.budget_usd),
    )
    try_out_on_commit(run.pk)
    return run


def playground_save(
    *, actor: Actor, variant: Variant, reason: str = ""
) -> tuple[PromptVersion, bool]:
    """Keep a variant as a draft, a child of what it was edited from; nothing goes live by this."""
    return version_create(
        actor=actor,
        task=variant.base.task,
        artifact=variant.artifact,
        parents=[variant.base],
        change_reason=reason or "Written in the playground.",
    )


def examples_of(run: PlaygroundRun) -> dict[int, Example]:
    """Return the stored rows of the run that are still there, by their keys."""
    keys = [row["example"] for row in run.rows if row["example"] is not None]
    return Example.objects.in_bulk(keys)


def _refuse_too_many(task: Task) -> None:
    lately = timezone.now() - RUN_LIFE
    live = PlaygroundRun.objects.filter(task=task, state__in=LIVE_STATES, created_at__gte=lately)
    if live.count() >= MOST_LIVE:
        message = f"{MOST_LIVE} runs of this prompt are under way: wait for one of them"
        raise Conflict(message, code="too_many_runs")


def _insert(actor: Actor, plan: PlaygroundPlan) -> PlaygroundRun:
    pairs = zip(plan.variants, plan.costs, strict=True)
    return PlaygroundRun.objects.create(
        task=plan.task,
        started_by=actor.user,
        started_by_label=actor.label,
        variants=[one.to_json(cost.most) for one, cost in pairs],
        rows=[row.to_json() for row in plan.rows],
        source=plan.source,
        is_scored=plan.is_scored,
        budget_usd=plan.cost.most,
    )


def _sum(costs: Iterable[Cost]) -> Cost:
    return reduce(Cost.plus, costs, Cost())
