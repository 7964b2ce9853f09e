"""How many rows the deciding test needs: exact power for binary scores, normal for graded ones."""

import math

import numpy as np
from scipy.stats import beta, binom, chi2, norm

from kaizen_engine.evaluate.comparison import Comparison

POWER = 0.8
MOST_ROWS = 100_000
_QUARTILES = (0.25, 0.75)


def power_mcnemar(n: int, discordance: float, gain: float, alpha: float) -> float:
    """Return the exact power of the one-sided mid-p McNemar test with `n` rows.

    Sums over the number of discordant rows, binomial in `discordance`, the probability that the
    fixed ones among them, binomial in (discordance + gain) / (2 discordance), pass the test.
    """
    likely = binom.ppf((1e-9, 1 - 1e-9), n, discordance)
    discordant = np.arange(int(likely[0]), int(likely[1]) + 1)
    critical = binom.isf(alpha, discordant, 0.5)
    midp = binom.sf(critical, discordant, 0.5) + 0.5 * binom.pmf(critical, discordant, 0.5)
    critical = critical + (midp >= alpha)
    share = (discordance + gain) / (2 * discordance)
    passes = binom.sf(critical - 1, discordant, share)
    return float(np.sum(binom.pmf(discordant, n, discordance) * passes))


def rows_for_power(discordance: float, gain: float, alpha: float, power: float = POWER) -> int:
    """Return about the fewest rows with that power, at most 100,000."""
    high = 8
    while high < MOST_ROWS and power_mcnemar(high, discordance, gain, alpha) < power:
        high *= 2
    low, high = high // 2, min(high, MOST_ROWS)
    while high - low > 1:
        middle = (low + high) // 2
        if power_mcnemar(middle, discordance, gain, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def total_rows_needed(comparison: Comparison) -> tuple[int, int]:
    """Return rows in all for 80 % power at the quartiles of what varies, lower first.

    The gain is the observed one, or the minimum effect where that is larger. Binary scores vary
    by their discordance (Jeffreys posterior), graded ones by their deviation (chi-square).
    """
    gain = max(comparison.gain, comparison.minimum_effect)
    if gain <= 0:
        # No number of rows shows a gain that is none.
        return MOST_ROWS, MOST_ROWS
    if comparison.degenerate == "all_rows_differ_alike":
        # Only the rows not seen yet are in doubt: a share of z^2 / (n + z^2) of them.
        rows = [math.ceil(float(norm.ppf(1 - comparison.alpha)) ** 2 / gain)]
    elif comparison.method == "sign_flip" and comparison.spread > 0:
        rows = [rows_graded(spread, gain, comparison.alpha) for spread in _spreads(comparison)]
    else:
        rows = [rows_for_power(share, gain, comparison.alpha) for share in _shares(comparison)]
    return min(rows), max(rows)


def _shares(comparison: Comparison) -> list[float]:
    gain = max(comparison.gain, comparison.minimum_effect)
    alike = comparison.n - comparison.discordant
    quartiles = beta.ppf(_QUARTILES, comparison.discordant + 0.5, alike + 0.5)
    # Rows that differ cannot be fewer than rows gained.
    return [max(float(share), gain) for share in quartiles]


def _spreads(comparison: Comparison) -> list[float]:
    freedom = max(1, comparison.units - 1)
    return [
        comparison.spread * math.sqrt(freedom / chi2.ppf(share, freedom)) for share in _QUARTILES
    ]


def rows_graded(spread: float, gain: float, alpha: float) -> int:
    distance = float(norm.ppf(1 - alpha) + norm.ppf(POWER))
    return min(MOST_ROWS, math.ceil((distance * spread / gain) ** 2))
