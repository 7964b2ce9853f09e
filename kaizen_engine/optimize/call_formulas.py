"""The calls of each strategy, counted before a job starts: what it makes at least and at most.

Pure arithmetic. An answer that the journal has by then costs nothing and is left out where that is
sure; where it is not, it counts in the upper figure only.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.guard import FEWEST_ROWS
from kaizen_engine.optimize.settings import (
    AnalystSettings,
    BootstrapSettings,
    GepaSettings,
    MiproSettings,
    SimbaSettings,
)
from kaizen_engine.optimize.splits import SEARCH_SHARE
from kaizen_engine.optimize.strategy import FINALISTS
from kaizen_engine.states import Split

# Of a real model's texts: a line of reasoning, an instruction, a description of the data.
REASONING_TOKENS = 60
_INSTRUCTION_TOKENS = 200
_DESCRIPTION_TOKENS = 400
# A part of dev is dealt by hash: this many standard deviations either way cover nearly all.
_DEVIATIONS = 2.5


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
class Load:
    """Calls of one kind, and the mean tokens of each; `price` where neither the student nor the
    teacher is asked."""

    calls: float
    sent: float
    answered: float
    is_teachers: bool = False
    price: Price | None = None


Range = tuple[list[Load], list[Load]]


def _bootstrap(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: candidates x dev, the hold-out twice, and what may come on top.

    The journal answers the baseline and the winner's second scoring where it can, so they count
    in the upper figure only, with the teacher's attempts to answer train rows.
    """
    chosen = BootstrapSettings.of(settings)
    laden = _laden(tokens, chosen.max_demos, rows)
    searched = (chosen.candidates - 1) * rows.dev
    attempts = (chosen.num_trials + 1) * chosen.attempts(rows.train, rows.dev)
    low = [
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(searched + rows.test, laden, tokens.answer),
    ]
    high = [
        Load(2 * rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(searched + rows.dev + rows.test, laden, tokens.answer),
        Load(attempts, laden, tokens.answer, is_teachers=True),
    ]
    guarded = _guarded(rows, tokens, laden, chosen.candidates - 1, chosen.max_demos)
    return [*low, *guarded[0]], [*high, *guarded[1]]


def _miprov2(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
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
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(rows.test, laden, tokens.answer),
        Load(proposing, described, _DESCRIPTION_TOKENS, is_teachers=True),
    ]
    fulls = plan.most_full_evaluations or plan.trials
    guarded = _guarded(rows, tokens, laden, fulls, plan.demos.max_demos)
    low = math.ceil(plan.trials / 2) * batch + plan.full_evaluations * left_over / 2
    high = plan.trials * batch + plan.most_full_evaluations * left_over
    return (
        [
            *both,
            *guarded[0],
            Load(low, laden, tokens.answer),
            Load(plan.bootstrapped_sets, laden, tokens.answer, is_teachers=True),
        ],
        [
            *both,
            *guarded[1],
            Load(high, laden, tokens.answer),
            Load(plan.bootstrapped_sets * attempts, laden, tokens.answer, is_teachers=True),
        ],
    )


def _gepa(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: minibatches and whole evaluations up to its budget, a reflection a proposal.

    A parent's minibatch is often answered already, and a search that stops because it overfits
    makes fewer calls: the lower figure is half of the upper one.
    """
    plan = GepaSettings.of(settings, train=rows.train)
    searched = _searched(rows.dev)
    laden = tokens.prompt + _INSTRUCTION_TOKENS
    shown = laden + plan.minibatch * (tokens.demo + _INSTRUCTION_TOKENS)
    high = [
        *_proved(rows, tokens, laden),
        Load(plan.most_metric_calls(searched), laden, tokens.answer),
        Load(plan.proposals, shown, _INSTRUCTION_TOKENS, is_teachers=True),
        *_guarded(rows, tokens, laden, plan.accepted + 1, 0)[1],
    ]
    return _halved(high), high


def _simba(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: samples and candidates of each batch, its leader on the search part, and the
    leaders on all of train in the end."""
    plan = SimbaSettings.of(settings, train=rows.train)
    searched = _searched(rows.dev)
    laden = _laden(tokens, plan.max_demos, rows) + _INSTRUCTION_TOKENS
    batches = plan.steps * plan.batch * (2 * plan.candidates + 1)
    checked = (min(plan.candidates, plan.steps) + 1) * max(0, rows.train - plan.batch)
    high = [
        *_proved(rows, tokens, laden),
        Load(batches + plan.steps * searched + checked, laden, tokens.answer),
        Load(plan.built, laden, _INSTRUCTION_TOKENS, is_teachers=True),
        *_guarded(rows, tokens, laden, plan.steps, plan.max_demos)[1],
    ]
    return _halved(high), high


def _analyst(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: train once, diagnoses, instructions and sets of demonstrations on the search
    part, with the teacher's attempts to answer train rows."""
    plan = AnalystSettings.of(settings)
    demos = BootstrapSettings.of({**settings, "num_trials": plan.demo_candidates})
    searched = _searched(rows.dev)
    laden = _laden(tokens, demos.max_demos, rows) + _INSTRUCTION_TOKENS
    attempts = (plan.demo_candidates + 1) * demos.attempts(rows.train, searched)
    written = plan.clusters + 1 + plan.instructions
    scored = plan.instructions + plan.scored_with_demos
    shown = tokens.prompt + plan.examples * (tokens.demo + _DESCRIPTION_TOKENS / 4)
    high = [
        *_proved(rows, tokens, laden),
        Load(rows.train, tokens.prompt, tokens.answer),
        Load(scored * searched, laden, tokens.answer),
        Load(written, shown, _DESCRIPTION_TOKENS, is_teachers=True),
        Load(attempts, laden, tokens.answer, is_teachers=True),
        *_guarded(rows, tokens, laden, scored, demos.max_demos)[1],
    ]
    return _halved(high), high


Formula = Callable[[Rows, MeanTokens, Mapping[str, Any]], Range]

FORMULAS: Mapping[str, Formula] = {
    "bootstrap": _bootstrap,
    "miprov2": _miprov2,
    "gepa": _gepa,
    "simba": _simba,
    "analyst": _analyst,
}


def planned_trials(strategy: str, settings: Mapping[str, Any], rows: Rows) -> int:
    """Return how many trials a run to the end reports at most."""
    if strategy == "miprov2":
        mipro = MiproSettings.of(settings, train=rows.train, dev=rows.dev)
        return 1 + mipro.trials + mipro.most_full_evaluations
    if strategy == "gepa":
        gepa = GepaSettings.of(settings, train=rows.train)
        return 1 + gepa.proposals + gepa.accepted + 1 + FINALISTS
    if strategy == "simba":
        simba = SimbaSettings.of(settings, train=rows.train)
        return 1 + simba.built + simba.steps + FINALISTS
    if strategy == "analyst":
        analyst = AnalystSettings.of(settings)
        return 2 + analyst.instructions + analyst.scored_with_demos + FINALISTS
    return BootstrapSettings.of(settings).candidates


def asking_students(
    rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any], prices: Sequence[Price | None]
) -> Range:
    """Count what more students cost: the old prompt on dev, and one to all of the finalists."""
    laden = _laden(tokens, BootstrapSettings.of(settings).max_demos, rows) + _INSTRUCTION_TOKENS
    low, high = [], []
    for price in prices:
        before = Load(rows.dev, tokens.prompt, tokens.answer, price=price)
        after = Load(rows.dev, laden, tokens.answer, price=price)
        low += [before, after]
        high += [before, replace(after, calls=FINALISTS * rows.dev)]
    return low, high


def _proved(rows: Rows, tokens: MeanTokens, laden: float) -> list[Load]:
    """Count the baseline, the finalists where they are selected, and the hold-out twice."""
    selected = rows.dev - _searched(rows.dev, sign=-1)
    return [
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(FINALISTS * selected + rows.test, laden, tokens.answer),
    ]


def _searched(dev: int, sign: int = 1) -> int:
    """Return how many dev rows are searched on at most, or, with a sign of -1, at least."""
    spread = _DEVIATIONS * math.sqrt(SEARCH_SHARE * (1 - SEARCH_SHARE) * dev)
    return max(1, min(dev - 1, math.ceil(SEARCH_SHARE * dev + sign * spread)))


def _guarded(rows: Rows, tokens: MeanTokens, laden: float, scored: int, max_demos: int) -> Range:
    """Count the train rows that are scored beside dev to see a search learn them by heart.

    Demonstrations are left out, so few train rows may be too few once there are some.
    """
    if rows.train < FEWEST_ROWS:
        return [], []
    before = min(rows.train, FEWEST_ROWS + max_demos)
    sure = scored if rows.train >= FEWEST_ROWS + max_demos else 0
    return (
        [
            Load(sure and FEWEST_ROWS, tokens.prompt, tokens.answer),
            Load(sure * FEWEST_ROWS, laden, tokens.answer),
        ],
        [
            Load(before, tokens.prompt, tokens.answer),
            Load(scored * FEWEST_ROWS, laden, tokens.answer),
        ],
    )


def _halved(loads: list[Load]) -> list[Load]:
    return [replace(load, calls=load.calls / 2) for load in loads]


def _laden(tokens: MeanTokens, max_demos: int, rows: Rows) -> float:
    return tokens.prompt + min(max_demos, rows.train) * tokens.demo


def with_reasoning(tokens: MeanTokens) -> MeanTokens:
    more = REASONING_TOKENS
    return MeanTokens(tokens.prompt, tokens.demo + more, tokens.answer + more)
