"""How many calls, tokens and dollars a job will take, said before it starts.

Pure arithmetic over the optimizers' call formulas. The upper figure holds for any run without
failed tries and is never more than twice the lower one; a run that finds no winner, and so never
looks at the hold-out, may stay below the lower one.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any, Self

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.settings import BootstrapSettings, MiproSettings
from kaizen_engine.states import Split

_MILLION = Decimal(1_000_000)
_CENT_OF_A_CENT = Decimal("0.0001")
# Of a real model's texts: a line of reasoning, an instruction, a description of the data.
_REASONING_TOKENS = 60
_INSTRUCTION_TOKENS = 200
_DESCRIPTION_TOKENS = 400


@dataclass(frozen=True)
class Rows:
    """How many usable rows each split has."""

    train: int
    dev: int
    test: int

    @classmethod
    def of(cls, examples: Iterable[Example]) -> Self:
        counted = Counter(example.split for example in examples)
        return cls(counted[Split.TRAIN], counted[Split.DEV], counted[Split.TEST])


@dataclass(frozen=True)
class MeanTokens:
    """Mean tokens of a call: the seed prompt with its input, one demonstration, the answer."""

    prompt: float
    demo: float
    answer: float


@dataclass(frozen=True)
class Estimate:
    """A range; dollars are None where no price is known."""

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: Decimal | None
    usd_high: Decimal | None


@dataclass(frozen=True)
class _Load:
    """Calls of one kind, and the mean tokens of each."""

    calls: float
    sent: float
    answered: float
    is_teachers: bool = False


_Range = tuple[list[_Load], list[_Load]]


def estimate_job(
    rows: Rows,
    tokens: MeanTokens,
    price: Price | None,
    settings: Mapping[str, Any] | None = None,
    strategy: str = "bootstrap",
    *,
    teacher_price: Price | None = None,
    adds_reasoning: bool = False,
) -> Estimate:
    """Return the range for one job: baseline, search, winner again, both on the hold-out.

    Raises LookupError for a strategy without a formula. Without a price of its own the teacher
    costs what the student does.
    """
    formula = _FORMULAS.get(strategy)
    if formula is None:
        message = f"no call formula for the strategy {strategy!r}"
        raise LookupError(message)
    chosen = settings or {}
    low, high = formula(rows, _reasoned(tokens) if adds_reasoning else tokens, chosen)
    if adds_reasoning:
        # The first candidate is the seed with reasoning, which the baseline has not answered.
        extra = _Load(rows.dev, tokens.prompt, tokens.answer + _REASONING_TOKENS)
        low, high = [*low, extra], [*high, extra]
    prices = price, teacher_price or price
    usd_low, usd_high = _usd(low, *prices), _usd(high, *prices)
    return Estimate(
        calls_low=_at_least_half(_calls(low), _calls(high)),
        calls_high=_calls(high),
        tokens_low=_at_least_half(_tokens(low), _tokens(high)),
        tokens_high=_tokens(high),
        usd_low=None if usd_low is None or usd_high is None else _dollars(usd_low, usd_high),
        usd_high=usd_high,
    )


def planned_trials(strategy: str, settings: Mapping[str, Any], rows: Rows) -> int:
    """Return how many trials a run to the end reports at most."""
    if strategy == "miprov2":
        plan = MiproSettings.of(settings, train=rows.train, dev=rows.dev)
        return 1 + plan.trials + plan.most_full_evaluations
    return BootstrapSettings.of(settings).candidates


def _bootstrap(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> _Range:
    """Count calls: candidates x dev, the hold-out twice, and what may come on top.

    The journal answers the baseline and the winner's second scoring where it can, so they count
    in the upper figure only, with the teacher's attempts to answer train rows.
    """
    chosen = BootstrapSettings.of(settings)
    laden = _laden(tokens, chosen.max_demos, rows)
    searched = (chosen.candidates - 1) * rows.dev
    attempts = (chosen.num_trials + 1) * chosen.attempts(rows.train, rows.dev)
    low = [
        _Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        _Load(searched + rows.test, laden, tokens.answer),
    ]
    high = [
        _Load(2 * rows.dev + rows.test, tokens.prompt, tokens.answer),
        _Load(searched + rows.dev + rows.test, laden, tokens.answer),
        _Load(attempts, laden, tokens.answer, is_teachers=True),
    ]
    return low, high


def _miprov2(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> _Range:
    """Count calls: baseline, trials, whole evaluations, the hold-out twice, and the teacher's.

    A row that a candidate has answered is answered by the journal from then on: a whole
    evaluation costs what its minibatch left over, and a combination drawn twice costs nothing.
    """
    plan = MiproSettings.of(settings, train=rows.train, dev=rows.dev)
    batch = plan.minibatch or rows.dev
    laden = _laden(tokens, plan.demos.max_demos, rows) + _INSTRUCTION_TOKENS
    left_over = rows.dev - batch
    attempts = plan.demos.attempts(rows.train, rows.dev)
    proposing = plan.proposer_calls(rows.train)
    described = plan.rows_shown * tokens.demo + 2 * _DESCRIPTION_TOKENS
    both = [
        _Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        _Load(rows.test, laden, tokens.answer),
        _Load(proposing, described, _DESCRIPTION_TOKENS, is_teachers=True),
    ]
    low = math.ceil(plan.trials / 2) * batch + plan.full_evaluations * left_over / 2
    high = plan.trials * batch + plan.most_full_evaluations * left_over
    return (
        [
            *both,
            _Load(low, laden, tokens.answer),
            _Load(plan.bootstrapped_sets, laden, tokens.answer, is_teachers=True),
        ],
        [
            *both,
            _Load(high, laden, tokens.answer),
            _Load(plan.bootstrapped_sets * attempts, laden, tokens.answer, is_teachers=True),
        ],
    )


_FORMULAS: Mapping[str, Callable[[Rows, MeanTokens, Mapping[str, Any]], _Range]] = {
    "bootstrap": _bootstrap,
    "miprov2": _miprov2,
}


def _laden(tokens: MeanTokens, max_demos: int, rows: Rows) -> float:
    return tokens.prompt + min(max_demos, rows.train) * tokens.demo


def _reasoned(tokens: MeanTokens) -> MeanTokens:
    more = _REASONING_TOKENS
    return MeanTokens(tokens.prompt, tokens.demo + more, tokens.answer + more)


def _calls(loads: Sequence[_Load]) -> int:
    return math.ceil(sum(load.calls for load in loads))


def _tokens(loads: Sequence[_Load]) -> int:
    return math.ceil(sum(load.calls * (load.sent + load.answered) for load in loads))


def _usd(loads: Sequence[_Load], price: Price | None, teacher: Price | None) -> Decimal | None:
    if price is None or teacher is None:
        return None
    spent = Decimal(0)
    for load in loads:
        paid = teacher if load.is_teachers else price
        spent += Decimal(load.calls * load.sent) * paid.input_usd_per_mtok
        spent += Decimal(load.calls * load.answered) * paid.output_usd_per_mtok
    return (spent / _MILLION).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)


def _at_least_half(low: int, high: int) -> int:
    return max(low, math.ceil(high / 2))


def _dollars(low: Decimal, high: Decimal) -> Decimal:
    return max(low, (high / 2).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP))
