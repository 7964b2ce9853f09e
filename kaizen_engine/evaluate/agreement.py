"""How far a judge agrees with people, and with itself; free of numpy, so that web code may read it.

A pair is (what the person said, what the judge said) about one row. Nothing here is NaN: a figure
that the labels cannot give is None, and agreement that chance alone would give is a kappa of 0.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Literal

Pairs = Sequence[tuple[Hashable, Hashable]]
Winner = Literal["first", "second", "tie"]

LEVEL = 0.8


@dataclass(frozen=True)
class Agreement:
    """`kappa_low` is the one-sided lower bound of `kappa` at `level`.

    `tpr` is the share of what people call good that the judge calls good, `tnr` the same of bad;
    None where people called nothing so.
    """

    n: int
    accuracy: float
    kappa: float
    kappa_low: float
    tpr: float | None
    tnr: float | None
    level: float


def agreement_of(pairs: Sequence[tuple[bool, bool]], level: float = LEVEL) -> Agreement:
    """Return how a judge's good or bad agrees with people's. Raises ValueError for no pairs."""
    return Agreement(
        n=len(pairs),
        accuracy=_observed(pairs),
        kappa=kappa(pairs),
        kappa_low=kappa_lower_bound(pairs, level),
        tpr=_share(judge for human, judge in pairs if human),
        tnr=_share(not judge for human, judge in pairs if not human),
        level=level,
    )


def kappa(pairs: Pairs) -> float:
    """Return Cohen's kappa, for any number of labels; 0 where all labels are one and the same."""
    by_chance = _by_chance(pairs)
    if by_chance >= 1:
        return 0.0
    return (_observed(pairs) - by_chance) / (1 - by_chance)


def kappa_error(pairs: Pairs) -> float:
    """Return the large-sample standard error of kappa.

    Fleiss, Cohen, Everitt 1969, Psychological Bulletin 72:323-327, the one for intervals.
    """
    n, by_chance, agreed = len(pairs), _by_chance(pairs), _observed(pairs)
    if by_chance >= 1:
        return 0.0
    human, judge = _margins(pairs)
    found = (agreed - by_chance) / (1 - by_chance)
    cells = Counter(pairs)
    total = 0.0
    for (left, right), count in cells.items():
        alike = 1.0 if left == right else 0.0
        total += (
            count / n * (alike - (human.get(right, 0.0) + judge.get(left, 0.0)) * (1 - found)) ** 2
        )
    variance = total - (found - by_chance * (1 - found)) ** 2
    return math.sqrt(max(0.0, variance) / n) / (1 - by_chance)


def kappa_lower_bound(pairs: Pairs, level: float = LEVEL) -> float:
    """Return the one-sided lower bound of kappa: at least `level` of such bounds lie below it.

    The smaller of two: kappa less its error, and kappa at Wilson's bound of the observed
    agreement. The second holds where the first knows no doubt, when nobody disagreed.
    """
    by_chance = _by_chance(pairs)
    if by_chance >= 1:
        return 0.0
    z = NormalDist().inv_cdf(level)
    by_error = kappa(pairs) - z * kappa_error(pairs)
    by_wilson = (_wilson_low(_observed(pairs), len(pairs), z) - by_chance) / (1 - by_chance)
    return max(-1.0, min(by_error, by_wilson))


def position_bias(winners: Iterable[Winner]) -> float | None:
    """Return how much more often the answer shown first won, from -1 to 1; None if none won.

    Order alternates, so that a judge without a bias stays near 0 whichever answer is better.
    """
    counts = Counter(winners)
    decided = counts["first"] + counts["second"]
    return (counts["first"] - counts["second"]) / decided if decided else None


def self_consistency(votes: Iterable[Sequence[Hashable]]) -> float | None:
    """Return how often two votes on the same row agree; None without a row of two votes."""
    pairs = [pair for row in votes for pair in combinations(row, 2)]
    return _observed(pairs) if pairs else None


def _observed(pairs: Pairs) -> float:
    if not pairs:
        raise ValueError("expected at least one pair of labels")
    return sum(left == right for left, right in pairs) / len(pairs)


def _by_chance(pairs: Pairs) -> float:
    """Return the share that would agree if the two labelled independently."""
    human, judge = _margins(pairs)
    return sum(share * judge.get(label, 0.0) for label, share in human.items())


def _margins(pairs: Pairs) -> tuple[Mapping[Hashable, float], Mapping[Hashable, float]]:
    """Return how often each label was given, by people and by the judge."""
    if not pairs:
        raise ValueError("expected at least one pair of labels")
    human, judge = Counter(left for left, _ in pairs), Counter(right for _, right in pairs)
    return (
        {label: count / len(pairs) for label, count in human.items()},
        {label: count / len(pairs) for label, count in judge.items()},
    )


def _share(hits: Iterable[bool]) -> float | None:
    found = list(hits)
    return sum(found) / len(found) if found else None


def _wilson_low(share: float, n: int, z: float) -> float:
    centre = share + z * z / (2 * n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - margin) / (1 + z * z / n)
