"""What a job will cost, from the rows it will have and its first prompt; no call is made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Count, Q

from feedback_app.models import Example, Feedback
from feedback_app.selectors import is_labelled, is_lesson, is_unjudged
from kaizen_engine.data.split import (
    LEAST_TEST_ROWS,
    TEST_FROM_ROWS,
    TEST_SHARE,
    TRAIN_SHARE,
    TRAIN_SHARE_BESIDE_TEST,
)
from kaizen_engine.evaluate.red_team import SAMPLES as RED_TEAM_SAMPLES
from kaizen_engine.evaluate.spec import asked_models
from kaizen_engine.llm.pricing import cost
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.estimate import (
    Estimate,
    MeanTokens,
    PricedJudge,
    Rows,
    estimate_job,
)
from kaizen_engine.states import Origin, RowKind, Split
from llm_app.gateways import price_of
from optimization_app.amounts import in_cents
from optimization_app.config import JobConfig
from optimization_app.services.guessed_tokens import guessed_tokens, prompt_tokens
from optimization_app.services.measured_tokens import measured_tokens
from projects_app.exceptions import Conflict
from prompts_app.models import PromptVersion
from tasks_app.models import Task


@dataclass(frozen=True)
class JobEstimate:
    """The range, and the rows it was made for."""

    rows: Rows
    range: Estimate

    def to_json(self) -> dict[str, Any]:
        found = self.range
        return {
            "calls": [found.calls_low, found.calls_high],
            "tokens": [found.tokens_low, found.tokens_high],
            "usd": [str(found.usd_low), str(found.usd_high)],
            "rows": {"train": self.rows.train, "dev": self.rows.dev, "test": self.rows.test},
        }


def estimate_for(task: Task, version: PromptVersion, config: JobConfig) -> JobEstimate:
    rows = _searched(_rows_of(task, config), config)
    tokens = guessed_tokens(task, version, config.good_score)
    measured = measured_tokens(task, config.student, prompt_tokens)
    if measured:
        tokens = measured.correct(tokens)
    price = partial(price_of, task.project)
    student_price = price(config.student)
    found = estimate_job(
        rows,
        tokens,
        student_price,
        search_settings(config),
        config.optimizer_type,
        teacher_price=price(config.teacher or config.student),
        adds_reasoning=config.reasoning not in (None, version.artifact.get("reasoning", False)),
        student_prices=[price(name) for name in config.students],
        judges=[PricedJudge(asked, price(asked.model)) for asked in asked_models(config.evaluator)],
    )
    return JobEstimate(rows, _with_guards(found, guard_calls(task), tokens, student_price))


def guard_calls(task: Task) -> int:
    """Count what both prompts are asked beside the verdict, where no row of the red team falls."""
    mine = Example.objects.filter(task=task, dismissed_at=None)
    protected = mine.filter(is_protected=True).count()
    return 2 * (protected + RED_TEAM_SAMPLES * mine.filter(split=Split.RED_TEAM.value).count())


def _with_guards(found: Estimate, calls: int, tokens: MeanTokens, price: Price) -> Estimate:
    """Add those calls to both ends of the range."""
    sent, answered = math.ceil(calls * tokens.prompt), math.ceil(calls * tokens.answer)
    usd = cost(price, sent, answered)
    return replace(
        found,
        calls_low=found.calls_low + calls,
        calls_high=found.calls_high + calls,
        tokens_low=found.tokens_low + sent + answered,
        tokens_high=found.tokens_high + sent + answered,
        usd_low=None if found.usd_low is None else found.usd_low + usd,
        usd_high=None if found.usd_high is None else found.usd_high + usd,
    )


def search_settings(config: JobConfig) -> dict[str, Any]:
    """Return what the strategies read, by the engine's names."""
    return {
        "num_trials": config.num_trials,
        "max_demos": config.num_fewshot_examples,
        "good_score": config.good_score,
    }


def refuse_if_over_budget(estimate: JobEstimate, config: JobConfig) -> None:
    """Raise Conflict (budget_too_small) when even the lower figure does not fit."""
    least = estimate.range
    caps = (
        ("USD", least.usd_low or Decimal(0), Decimal(config.budget_usd)),
        ("tokens", Decimal(least.tokens_low), _cap(config.budget_tokens)),
    )
    for unit, needed, cap in caps:
        if cap is not None and needed > cap:
            message = f"the job needs at least {needed} {unit} and its budget is {cap} {unit}"
            raise Conflict(message, code="budget_too_small")


def refuse_unconfirmed(estimate: Mapping[str, Any], budget: Decimal, limit: Decimal | None) -> None:
    """Raise Conflict (confirmation_needed) when a job may cost more than is spent unasked.

    It never costs more than its budget, whatever the estimate says.
    """
    low, high = (Decimal(usd) for usd in estimate["usd"])
    most = min(high, budget)
    if limit is None or most <= limit:
        return
    message = (
        f"the job may cost {in_cents(min(low, most))} to {in_cents(most)}, and above "
        f"{in_cents(limit)} this project wants it confirmed"
    )
    raise Conflict(message, code="confirmation_needed", facts={"estimate": dict(estimate)})


def _rows_of(task: Task, config: JobConfig) -> Rows:
    if not config.dataset_id:
        return rows_to_come(task, config.good_score, is_judged=config.is_judged)
    mine = Example.objects.filter(
        dataset__public_id=config.dataset_id, task=task, dismissed_at=None
    )
    splits = mine.values_list("split").annotate(rows=Count("id"))
    return _dealt(dict(splits.order_by()), mine.filter(split="", is_deciding=True).count())


def rows_to_come(task: Task, good_score: float, *, is_judged: bool = False) -> Rows:
    """Say how the task's rows will fall into splits, without dealing them out yet."""
    scored = Q() if is_judged else Q(kind__in=(RowKind.LABEL.value, RowKind.GOOD.value))
    mine = Example.objects.filter(scored, task=task, dismissed_at=None)
    splits = mine.values_list("split").annotate(rows=Count("id"))
    have = dict(splits.order_by())
    wanted = is_labelled(good_score)
    if is_judged:
        wanted |= is_lesson() | is_unjudged()
    new = Feedback.objects.filter(wanted, task=task, example=None)
    deciding = new.filter(origin__in=(Origin.RANDOM.value, Origin.IMPORT.value)).count()
    have[""] = have.get("", 0) + new.count()
    return _dealt(have, deciding)


def _dealt(have: dict[str, int], deciding: int) -> Rows:
    """Add the rows without a split to those that have one, as they will be dealt out."""
    train, dev, test = (have.get(split.value, 0) for split in (Split.TRAIN, Split.DEV, Split.TEST))
    added = have.get("", 0)
    total = train + dev + test + added
    has_test = total >= TEST_FROM_ROWS
    wanted = max(LEAST_TEST_ROWS, math.ceil(TEST_SHARE * total)) if has_test else 0
    new_test = max(0, min(wanted - test, deciding))
    share = TRAIN_SHARE_BESIDE_TEST if has_test else TRAIN_SHARE
    searched = train + dev + added - new_test
    new_train = max(0, min(round(share * searched) - train, added - new_test))
    return Rows(train + new_train, searched - train - new_train, test + new_test)


def _searched(rows: Rows, config: JobConfig) -> Rows:
    return Rows(
        min(rows.train, config.max_train_rows), min(rows.dev, config.max_dev_rows), rows.test
    )


def _cap(tokens: int | None) -> Decimal | None:
    return None if tokens is None else Decimal(tokens)
