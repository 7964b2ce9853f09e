"""A mean from a few labels by people and many by a judge: PPI++ for one mean.

Angelopoulos, Duchi, Zrnic 2023, arXiv:2311.01453. The judge's mean over all rows, corrected by
what it gets wrong on the labelled ones; `weight` (lambda) says how much the judge is believed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FEWEST_LABELS = 3
ONE_MORE_ERROR = 1
_NEARLY = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PoweredMean:
    """`weight` is 0 where only people count, 1 where the judge is believed in full."""

    mean: float
    low: float
    high: float
    weight: float
    labelled: int
    unlabelled: int


def powered_mean(
    people: Sequence[float], judged: Sequence[float], unlabelled: Sequence[float], level: float
) -> PoweredMean:
    """Return the mean that people would find, with its two-sided interval at `level`.

    All values lie in [-1, 1]: scores, or gains of one prompt over another. `people` and `judged`
    are of the same randomly drawn rows, `unlabelled` the judge's values of rows nobody labelled.
    For labels are few: Student's t with their degrees of freedom, and a spread as if the judge had
    erred once more in either direction. Without that, a judge that errs rarely and to one side is
    covered 83 to 93 % of the time instead of 95, since most errors are not among the labels.
    Raises ValueError for fewer than 3 labels or rows that do not match.
    """
    if len(people) < FEWEST_LABELS or len(people) != len(judged):
        raise ValueError("expected a judge's score for each label, and at least 3 of them")
    truth, seen = np.asarray(people, np.float64), np.asarray(judged, np.float64)
    others = np.asarray(unlabelled, np.float64)
    n, m = len(truth), len(others)
    weight = _weight(truth, seen, others)
    rest = truth - weight * seen
    mean, variance = float(rest.mean()), _spread(rest) / n
    if m > 1:
        mean += weight * float(others.mean())
        variance += weight**2 * float(others.var(ddof=1)) / m
    margin = float(stdtrit(n - 1, 0.5 + level / 2)) * math.sqrt(variance)
    low, high = max(-1.0, mean - margin), min(1.0, mean + margin)
    return PoweredMean(mean, low, high, weight, n, m)


def _spread(rest: Floats) -> float:
    errors = 2 * ONE_MORE_ERROR
    return (float(((rest - rest.mean()) ** 2).sum()) + errors) / (len(rest) - 1 + errors)


def _weight(truth: Floats, seen: Floats, others: Floats) -> float:
    """Return the lambda of least variance, clipped to [0, 1]: a bad judge is not believed."""
    n, m = len(truth), len(others)
    spread = float(np.concatenate([seen, others]).var(ddof=1))
    if m < 2 or spread < _NEARLY:
        return 0.0
    together = float(np.cov(truth, seen, bias=True)[0, 1])
    return min(1.0, max(0.0, together / ((1 + n / m) * spread)))
