"""How many calls, tokens and dollars a job will take, said before it starts.

Pure arithmetic over the strategies' call formulas. The upper figure holds for any run without
failed tries and is never more than twice the lower one; a run that finds no winner, and so never
looks at the hold-out, may stay below the lower one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.call_formulas import FORMULAS, planned_trials
from kaizen_engine.optimize.call_loads import (
    REASONING_TOKENS,
    Load,
    MeanTokens,
    Rows,
    student_loads,
    with_reasoning,
)
from kaizen_engine.optimize.judge_loads import PricedJudge, judge_loads

__all__ = ["Estimate", "MeanTokens", "PricedJudge", "Rows", "estimate_job", "planned_trials"]

_MILLION = Decimal(1_000_000)
_CENT_OF_A_CENT = Decimal("0.0001")


@dataclass(frozen=True)
class Estimate:
    """A range; dollars are None where no price is known."""

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: Decimal | None
    usd_high: Decimal | None


def estimate_job(
    rows: Rows,
    tokens: MeanTokens,
    price: Price | None,
    settings: Mapping[str, Any] | None = None,
    strategy: str = "bootstrap",
    *,
    teacher_price: Price | None = None,
    adds_reasoning: bool = False,
    student_prices: Sequence[Price | None] = (),
    judges: Sequence[PricedJudge] = (),
) -> Estimate:
    """Return the range for one job: baseline, search, winner again, both on the hold-out.

    Raises LookupError for a strategy without a formula. Without a price of its own the teacher
    costs what the student does; `student_prices` are of more students beside the first, `judges`
    are asked about every scored answer.
    """
    formula = FORMULAS.get(strategy)
    if formula is None:
        message = f"no call formula for the strategy {strategy!r}"
        raise LookupError(message)
    chosen = settings or {}
    low, high = formula(rows, with_reasoning(tokens) if adds_reasoning else tokens, chosen)
    if adds_reasoning:
        # The first candidate is the seed with reasoning, which the baseline has not answered.
        extra = Load(rows.dev, tokens.prompt, tokens.answer + REASONING_TOKENS)
        low, high = [*low, extra], [*high, extra]
    more = student_loads(rows, tokens, chosen, student_prices)
    low, high = [*low, *more[0]], [*high, *more[1]]
    judged = judge_loads((low, high), tokens, judges)
    low, high = [*low, *judged[0]], [*high, *judged[1]]
    prices = price, teacher_price or price
    if None in (*student_prices, *(judge.price for judge in judges)):
        prices = None, None
    usd_low, usd_high = _usd(low, *prices), _usd(high, *prices)
    return Estimate(
        calls_low=_at_least_half(_calls(low), _calls(high)),
        calls_high=_calls(high),
        tokens_low=_at_least_half(_tokens(low), _tokens(high)),
        tokens_high=_tokens(high),
        usd_low=None if usd_low is None or usd_high is None else _dollars(usd_low, usd_high),
        usd_high=usd_high,
    )


def _calls(loads: Sequence[Load]) -> int:
    return math.ceil(sum(load.calls for load in loads))


def _tokens(loads: Sequence[Load]) -> int:
    return math.ceil(sum(load.calls * (load.sent + load.answered) for load in loads))


def _usd(loads: Sequence[Load], price: Price | None, teacher: Price | None) -> Decimal | None:
    if price is None or teacher is None:
        return None
    spent = Decimal(0)
    for load in loads:
        paid = load.price or (teacher if load.is_teachers else price)
        spent += Decimal(load.calls * load.sent) * paid.input_usd_per_mtok
        spent += Decimal(load.calls * load.answered) * paid.output_usd_per_mtok
    return (spent / _MILLION).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)


def _at_least_half(low: int, high: int) -> int:
    return max(low, math.ceil(high / 2))


def _dollars(low: Decimal, high: Decimal) -> Decimal:
    return max(low, (high / 2).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP))
