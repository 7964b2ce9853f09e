"""What the call formulas of all strategies are put together from: rows, tokens, loads of calls."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.guard import FEWEST_ROWS
from kaizen_engine.optimize.settings import BootstrapSettings
from kaizen_engine.optimize.splits import SEARCH_SHARE
from kaizen_engine.optimize.strategy import FINALISTS
from kaizen_engine.states import Split

# Of a real model's texts: a line of reasoning, an instruction.
REASONING_TOKENS = 60
INSTRUCTION_TOKENS = 200
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


def proof_loads(rows: Rows, tokens: MeanTokens, laden: float) -> list[Load]:
    """Count the baseline, the finalists where they are selected, and the hold-out twice."""
    selected = rows.dev - searched_rows(rows.dev, sign=-1)
    return [
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(FINALISTS * selected + rows.test, laden, tokens.answer),
    ]


def searched_rows(dev: int, sign: int = 1) -> int:
    """Return how many dev rows are searched on at most, or, with a sign of -1, at least."""
    spread = _DEVIATIONS * math.sqrt(SEARCH_SHARE * (1 - SEARCH_SHARE) * dev)
    return max(1, min(dev - 1, math.ceil(SEARCH_SHARE * dev + sign * spread)))


def guard_loads(rows: Rows, tokens: MeanTokens, laden: float, scored: int, max_demos: int) -> Range:
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


def half_of(loads: list[Load]) -> list[Load]:
    """Return the same loads with half of the calls."""
    return [replace(load, calls=load.calls / 2) for load in loads]


def laden_prompt(tokens: MeanTokens, max_demos: int, rows: Rows) -> float:
    """Return the tokens of a prompt with as many demonstrations as there can be."""
    return tokens.prompt + min(max_demos, rows.train) * tokens.demo


def with_reasoning(tokens: MeanTokens) -> MeanTokens:
    """Return the tokens of calls whose answers, and so demonstrations, reason first."""
    more = REASONING_TOKENS
    return MeanTokens(tokens.prompt, tokens.demo + more, tokens.answer + more)


def student_loads(
    rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any], prices: Sequence[Price | None]
) -> Range:
    """Count what more students cost: the old prompt on dev, and one to all of the finalists."""
    max_demos = BootstrapSettings.of(settings).max_demos
    laden = laden_prompt(tokens, max_demos, rows) + INSTRUCTION_TOKENS
    low, high = [], []
    for price in prices:
        before = Load(rows.dev, tokens.prompt, tokens.answer, price=price)
        after = Load(rows.dev, laden, tokens.answer, price=price)
        low += [before, after]
        high += [before, replace(after, calls=FINALISTS * rows.dev)]
    return low, high
