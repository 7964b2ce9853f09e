"""Paired tests and intervals. The only place, with its siblings, where scipy and numpy come in.

One-sided throughout: small p means "after is better than before".
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Every job imports this: scipy.stats and scipy.optimize take a second more.
from scipy.special import bdtrc, ndtri

from kaizen_engine.evaluate.comparison import Comparison, Method

__all__ = [
    "Comparison",
    "alpha_for_look",
    "compare",
    "mcnemar_midp",
    "sign_flip_interval",
    "sign_flip_p",
    "tango_interval",
]

EXACT_UP_TO = 15
DRAWS = 10_000
FEWEST_DIFFERENCES = 6
_NEARLY = 1e-9
_STEP = 1e-13
_BLOCK = 500

Floats = NDArray[np.float64]


def alpha_for_look(k: int) -> float:
    """Return the alpha of the k-th look at one hold-out, k from 1: 0.030, 0.0076, 0.0034 …

    The terms sum to 0.05 over all looks: 0.05 * 6 / (pi^2 k^2), a Bonferroni series.
    """
    if k < 1:
        raise ValueError("looks are counted from 1")
    return 0.05 * 6 / (math.pi**2 * k**2)


def mcnemar_midp(b: int, c: int) -> float:
    """Return the one-sided mid-p of McNemar's test; `b` rows fixed, `c` broken.

    Fagerland, Lydersen, Laake 2013, BMC Med Res Methodol 13:91: the exact conditional tail minus
    half the probability of what was observed. No row that differs: 1.
    """
    if b + c == 0:
        return 1.0
    return float(bdtrc(b, b + c, 0.5) + math.comb(b + c, b) / 2 ** (b + c + 1))


def tango_interval(b: int, c: int, n: int, level: float) -> tuple[float, float]:
    """Return the score interval of the paired difference (b - c) / n of two proportions.

    Tango 1998, Statistics in Medicine 17:891-908: the differences that the score test, with its
    restricted maximum likelihood variance, does not reject.
    """
    if n < 1 or min(b, c) < 0 or b + c > n:
        raise ValueError("expected 0 <= b + c <= n and at least one row")
    z = float(ndtri(0.5 + level / 2))
    return _tango_lower(b, c, n, z), -_tango_lower(c, b, n, z)


def sign_flip_p(
    diffs: Sequence[float], groups: Sequence[str] | None = None, seed: int = 0
) -> float:
    """Return the one-sided mid-p of the paired sign-flip test of mean difference zero.

    The signs of whole groups are flipped: every pattern up to 15 groups, else 10,000 seeded
    draws with the observed pattern counted (Phipson, Smyth 2010). All differences zero: 1.
    """
    sums, sizes = _units(diffs, groups)
    if not np.any(sums):
        return 1.0
    return _p_of(_subset_means(sums, sizes, seed))


def sign_flip_interval(
    diffs: Sequence[float], groups: Sequence[str] | None, seed: int, level: float
) -> tuple[float, float]:
    """Return the mean differences that `sign_flip_p` would not reject, at either side.

    The inversion is exact: a shift is passed by a flip pattern when the mean of the flipped rows
    is below it, so that the bounds are quantiles of subset means (Hartigan 1969, JASA 64:1303).
    Fewer than 6 groups that differ permute too little to bound anything; there the interval is
    widened to what Tango's gives for that many rows without a difference.
    """
    sums, sizes = _units(diffs, groups)
    alpha = (1 - level) / 2
    means = _subset_means(sums, sizes, seed)
    low, high = _quantile(means, alpha), -_quantile(-means[::-1], alpha)
    gain = float(np.sum(sums) / np.sum(sizes))
    if _is_sparse(sums) or high - low < _NEARLY:
        sparse_low, sparse_high = _unseen_interval(gain, len(sums), alpha)
        low, high = min(low, sparse_low), max(high, sparse_high)
    return max(-1.0, min(low, gain)), min(1.0, max(high, gain))


def compare(
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    alpha: float,
    minimum_effect: float = 0.02,
    seed: int = 0,
) -> Comparison:
    """Compare two prompts on the same rows, scores in [0, 1], one a row.

    Scores of 0 and 1 in groups of one row: McNemar's mid-p and Tango's interval; anything else:
    the sign-flip test by group and its inversion. Raises ValueError for no rows, unequal lengths
    and scores outside [0, 1].
    """
    _check(before, after, groups)
    diffs = [_difference(*pair) for pair in zip(before, after, strict=True)]
    fixed, broken = sum(diff > 0 for diff in diffs), sum(diff < 0 for diff in diffs)
    n, level = len(diffs), 1 - 2 * alpha
    units = len(set(groups)) if groups is not None else n
    if units == n and {*before, *after} <= {0, 1}:
        method: Method = "mcnemar_tango"
        p, (low, high) = mcnemar_midp(fixed, broken), tango_interval(fixed, broken, n, level)
    else:
        method, p = "sign_flip", sign_flip_p(diffs, groups, seed)
        low, high = sign_flip_interval(diffs, groups, seed, level)
    return Comparison(
        gain=math.fsum(diffs) / n,
        low=low,
        high=high,
        p=p,
        n=n,
        units=units,
        discordant=fixed + broken,
        fixed=fixed,
        broken=broken,
        alpha=alpha,
        minimum_effect=minimum_effect,
        method=method,
        spread=_spread(diffs, groups),
        degenerate=_degenerate(diffs),
    )


def _difference(before: float, after: float) -> float:
    """Scores are means of fields: what arithmetic alone makes of equal ones is no difference."""
    diff = float(after - before)
    return diff if abs(diff) > _NEARLY else 0.0


def _check(before: Sequence[float], after: Sequence[float], groups: Sequence[str] | None) -> None:
    if not before or len(before) != len(after):
        raise ValueError("expected the same rows, at least one, before and after")
    if groups is not None and len(groups) != len(before):
        raise ValueError("expected a group for each row")
    if not all(0 <= score <= 1 for score in (*before, *after)):
        raise ValueError("a score is not in [0, 1]")


def _degenerate(diffs: Sequence[float]) -> str:
    if not any(diffs):
        return "no_row_differs"
    return "all_rows_differ_alike" if len(set(diffs)) == 1 else ""


def _spread(diffs: Sequence[float], groups: Sequence[str] | None) -> float:
    """Return the deviation of one row such that the mean of n rows has spread / sqrt(n)."""
    sums, sizes = _units(diffs, groups)
    if len(sums) < 2:
        return 0.0
    residual = sums - sizes * (np.sum(sums) / np.sum(sizes))
    variance = np.sum(residual**2) * len(sums) / (len(sums) - 1) / np.sum(sizes)
    return float(np.sqrt(variance))


def _tango_lower(b: int, c: int, n: int, z: float) -> float:
    if c == n:
        return -1.0

    def excess(delta: float) -> float:
        linear = (2 * n - b + c) * delta - b - c
        constant = -c * delta * (1 - delta)
        root = math.sqrt(max(0.0, linear**2 - 8 * n * constant))
        variance = n * (2 * (root - linear) / (4 * n) + delta * (1 - delta))
        return b - c - n * delta - z * math.sqrt(max(0.0, variance))

    # With no pair or with all pairs discordant the variance vanishes at the estimate itself,
    # which is a root that bounds nothing.
    steps = range(int(((b - c) / n - 1e-12 + 1) / _STEP))
    return _STEP * bisect_left(steps, True, key=lambda step: excess(_STEP * step - 1) <= 0) - 1


def _units(diffs: Sequence[float], groups: Sequence[str] | None) -> tuple[Floats, Floats]:
    """Return the sum and the number of differences of each group, by name of the group."""
    values = np.asarray(diffs, dtype=np.float64)
    if groups is None:
        return values, np.ones(len(values))
    _, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    sums = np.bincount(index, weights=values).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def _subset_means(sums: Floats, sizes: Floats, seed: int) -> Floats:
    """Return the sorted mean of each set of groups flipped, the empty set left out."""
    means = [(flipped @ sums) / (flipped @ sizes) for flipped in _flip_patterns(len(sums), seed)]
    return np.sort(np.concatenate(means))


def _flip_patterns(units: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of patterns, 1 where a group is flipped; a block bounds the memory."""
    if units <= EXACT_UP_TO:
        numbers = np.arange(1, 2**units)[:, None]
        yield ((numbers >> np.arange(units)[None, :]) & 1).astype(np.float64)
        return
    random = np.random.default_rng(seed)
    for _ in range(DRAWS // _BLOCK):
        flipped = random.integers(0, 2, size=(_BLOCK, units), dtype=np.int8)
        yield flipped[np.any(flipped, axis=1)].astype(np.float64)


def _p_of(means: Floats) -> float:
    """Count flips that do better than observed, and half of those that do as well.

    The empty set, which flips nothing, is the observed pattern itself: one tie more.
    """
    better = np.sum(means < -_NEARLY)
    alike = np.sum(np.abs(means) <= _NEARLY) + 1
    return float((better + 0.5 * alike) / (len(means) + 1))


def _quantile(means: Floats, alpha: float) -> float:
    """Return the smallest shift whose mid-p reaches alpha, means sorted upwards."""
    wanted = alpha * (len(means) + 1) - 0.5
    if wanted <= 0:
        return -1.0
    return float(means[min(len(means), math.ceil(wanted)) - 1])


def _is_sparse(sums: Floats) -> bool:
    return int(np.count_nonzero(sums)) < FEWEST_DIFFERENCES


def _unseen_interval(gain: float, units: int, alpha: float) -> tuple[float, float]:
    """Bound the gain when a share z^2 / (n + z^2) of all rows, unseen so far, went either way.

    That share is Tango's bound for no discordant pair; with all pairs discordant the result is
    again Tango's.
    """
    z2 = float(ndtri(1 - alpha)) ** 2
    share = z2 / (units + z2)
    return gain - share * (1 + gain), gain + share * (1 - gain)
