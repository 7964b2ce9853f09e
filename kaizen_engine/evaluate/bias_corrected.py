"""The gain on dev of a winner that dev has chosen, freed of the luck in choosing.

BBC-CV (Tsamardinos, Greasidou, Borboudakis 2018, Machine Learning 107:1895-1922): draw dev rows
with replacement, choose the winner on the rows drawn, and score it against the baseline on the
rows left out; the quantiles of many such gains bound the true one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kaizen_engine.evaluate.comparison import DevGain

FEWEST_DRAWS = 2_000
DRAWS_PER_ALPHA = 20
_BLOCK = 1_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DevScores:
    """Scores on the same dev rows, one a row: the baseline's and each candidate's.

    `candidates` come in the order that settles ties, `groups` are resampled whole. Only the rows
    that are `deciding` are scored when left out; choosing uses all of them, as the search did.
    """

    baseline: Sequence[float]
    candidates: Sequence[Sequence[float]]
    groups: Sequence[str]
    deciding: Sequence[bool]


def draws_for(alpha: float) -> int:
    """Return enough draws for 20 of them to lie under the quantile alpha."""
    return max(FEWEST_DRAWS, math.ceil(DRAWS_PER_ALPHA / alpha))


def bias_corrected(
    scores: DevScores, *, alpha: float, minimum_effect: float = 0.02, seed: int = 0
) -> DevGain:
    """Return the mean of the left-out gains and their quantiles alpha and 1 - alpha.

    As in a job, a candidate wins only by beating the baseline; where none does, the draw's gain
    is 0. A single group, which is never left out, bounds nothing. Raises ValueError for no
    candidate, no deciding row, or rows that do not match.
    """
    _check(scores)
    matrix = np.asarray([scores.baseline, *scores.candidates], dtype=np.float64)
    winner = int(np.argmax(_rounded(matrix.mean(axis=1))))
    deciding = np.asarray(scores.deciding, dtype=bool)
    diffs = (matrix[winner] - matrix[0])[deciding]
    gains = np.sort(np.concatenate(list(_gains(matrix, deciding, scores, alpha, seed))))
    return DevGain(
        gain=float(gains.mean()) if len(gains) else 0.0,
        low=_quantile(gains, alpha),
        high=-_quantile(-gains[::-1], alpha),
        naive=float(diffs.mean()),
        n=int(deciding.sum()),
        discordant=int(np.count_nonzero(np.abs(diffs) > 1e-9)),
        candidates=len(scores.candidates),
        alpha=alpha,
        minimum_effect=minimum_effect,
        draws=len(gains),
    )


def _gains(
    matrix: Floats, deciding: NDArray[np.bool_], scores: DevScores, alpha: float, seed: int
) -> Iterator[Floats]:
    """Yield the left-out gains in blocks, which bound the memory."""
    _, group = np.unique(np.asarray(scores.groups, dtype=np.str_), return_inverse=True)
    chosen_by = _by_group(group, np.vstack([matrix, np.ones(len(group))]))
    decided_by = _by_group(group, np.vstack([matrix, np.ones(len(group))]) * deciding)
    random = np.random.default_rng(seed)
    left = draws_for(alpha)
    while left > 0:
        drawn = _draw(random, min(_BLOCK, left), len(chosen_by))
        left -= _BLOCK
        inside, outside = drawn @ chosen_by, (drawn == 0) @ decided_by
        winners = np.argmax(_rounded(inside[:, :-1] / inside[:, -1:]), axis=1)
        rows = np.arange(len(drawn))
        with np.errstate(invalid="ignore"):
            gains = (outside[rows, winners] - outside[:, 0]) / outside[:, -1]
        yield gains[outside[:, -1] > 0]


def _by_group(group: NDArray[np.intp], columns: Floats) -> Floats:
    """Return the sums of each group, a row a group and a column each of `columns`."""
    return np.stack([np.bincount(group, weights=column) for column in columns], axis=1)


def _draw(random: np.random.Generator, draws: int, groups: int) -> Floats:
    """Return how often each group was drawn, with replacement, in each draw."""
    picks = random.integers(0, groups, size=(draws, groups))
    picks += np.arange(draws)[:, None] * groups
    counts = np.bincount(picks.ravel(), minlength=draws * groups)
    return counts.reshape(draws, groups).astype(np.float64)


def _rounded(means: Floats) -> Floats:
    """Equal scores summed in another order are still a tie, and the first one wins it."""
    return np.round(means, 9)


def _quantile(gains: Floats, alpha: float) -> float:
    """Return the largest gain that at most a share alpha of the draws lies below."""
    if not len(gains):
        return -1.0
    return float(gains[min(len(gains) - 1, math.floor(alpha * len(gains)))])


def _check(scores: DevScores) -> None:
    rows = len(scores.baseline)
    lengths = {len(scores.groups), len(scores.deciding), *map(len, scores.candidates)}
    if not scores.candidates or lengths != {rows}:
        raise ValueError("expected the same rows for the baseline and at least one candidate")
    if not any(scores.deciding):
        raise ValueError("expected at least one deciding row")
