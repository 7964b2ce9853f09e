"""Whether a search has begun to learn its train rows by heart: pure arithmetic over gains.

A search that reads train rows and gains much more on them than on dev has stopped learning what
it was asked to. The gains are against the baseline, over the last whole evaluations together.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.prompts.artifact import Demo, canonical_json

FEWEST_ROWS = 40
LOOK_BACK = 3
STANDARD_ERRORS = 2.0

Gains = Mapping[str, float]


@dataclass(frozen=True)
class Gap:
    """Mean gains over the baseline, and the standard error of their difference."""

    train: float
    dev: float
    error: float

    @property
    def is_overfit(self) -> bool:
        return self.train - self.dev > STANDARD_ERRORS * self.error and self.train > self.dev

    @property
    def sentence(self) -> str:
        return (
            f"overfitting: the last {LOOK_BACK} candidates gain {100 * self.train:+.1f} points on "
            f"train rows and {100 * self.dev:+.1f} on dev"
        )


def gap_of(candidates: Sequence[tuple[Gains, Gains]]) -> Gap | None:
    """Return the gap over the last candidates, None while there are fewer than it looks back.

    Each candidate has its gains by group on train rows and on dev rows.
    """
    if len(candidates) < LOOK_BACK:
        return None
    last = candidates[-LOOK_BACK:]
    train, train_error = _mean(_pooled(gains for gains, _ in last))
    dev, dev_error = _mean(_pooled(gains for _, gains in last))
    return Gap(train, dev, math.hypot(train_error, dev_error))


def gains_by_group(
    rows: Iterable[Example], before: Mapping[str, float], after: Mapping[str, float]
) -> Gains:
    """Return the mean gain of each group that both prompts were scored on."""
    by_group: dict[str, list[float]] = {}
    for row in rows:
        if row.id in before and row.id in after:
            by_group.setdefault(row.group, []).append(after[row.id] - before[row.id])
    return {group: sum(gains) / len(gains) for group, gains in by_group.items()}


def guard_rows(train: Sequence[Example], demos: Sequence[Demo], seed: int) -> tuple[Example, ...]:
    """Return the train rows to score beside dev, none where too few are no demonstrations."""
    shown = {canonical_json(dict(demo.inputs)) for demo in demos}
    mixed = [row for row in train if canonical_json(dict(row.inputs)) not in shown]
    if len(mixed) < FEWEST_ROWS:
        return ()
    random.Random(seed).shuffle(mixed)  # noqa: S311 - draws examples, guards no secret
    return tuple(mixed[:FEWEST_ROWS])


def _pooled(candidates: Iterable[Gains]) -> list[float]:
    """Return a gain for each group, the mean over the candidates that it was scored for."""
    by_group: dict[str, list[float]] = {}
    for gains in candidates:
        for group, gain in gains.items():
            by_group.setdefault(group, []).append(gain)
    return [sum(gains) / len(gains) for gains in by_group.values()]


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error."""
    if len(values) < 2:
        return (values[0] if values else 0.0), 0.0
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))
