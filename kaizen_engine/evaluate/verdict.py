"""From a comparison on the hold-out to a verdict, in the words of the states.

Imports neither numpy nor scipy by itself: web code may read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kaizen_engine.evaluate.comparison import Comparison
from kaizen_engine.states import Verdict

FRESH_ROWS = 30
FEWEST_ROWS_FOR_EQUAL = 30


@dataclass(frozen=True)
class Look:
    """Which rows of the hold-out are looked at, and for the how manieth time; `k` sets alpha."""

    ids: tuple[str, ...]
    k: int


def plan_look(looks: Mapping[str, int]) -> Look:
    """Choose rows by how often each was looked at before.

    At least 30 unseen rows: those alone, as a first look. Else all rows, as one look more than
    the row that was seen most.
    """
    fresh = tuple(row for row, count in looks.items() if count == 0)
    if len(fresh) >= FRESH_ROWS or len(fresh) == len(looks):
        return Look(fresh, 1)
    return Look(tuple(looks), max(looks.values()) + 1)


def decide(comparison: Comparison | None, deciding_rows: int) -> Verdict:
    """Return confirmed, equal, worse or not_enough_evidence.

    `comparison` is of the hold-out, None where there was nothing to compare; `deciding_rows` is
    how many of its rows are random or representative. Confirmed needs test, lower bound and
    minimum effect together. Raises ValueError when rows of another kind were compared.
    """
    if comparison is None or deciding_rows == 0:
        return Verdict.NOT_ENOUGH_EVIDENCE
    if comparison.n > deciding_rows:
        raise ValueError("only random or representative rows may enter a verdict")
    if comparison.better:
        return Verdict.CONFIRMED
    margin = comparison.minimum_effect
    inside = -margin <= comparison.low and comparison.high <= margin
    if inside and comparison.units >= FEWEST_ROWS_FOR_EQUAL:
        return Verdict.EQUAL
    return Verdict.WORSE if comparison.high < 0 else Verdict.NOT_ENOUGH_EVIDENCE


def rows_needed(comparison: Comparison) -> tuple[int, int]:
    """Return "about k more" rows of the deciding kind as a range, at least 1, for 80 % power."""
    # Imported here: scipy has no place in a web process.
    from kaizen_engine.evaluate.significance_power import total_rows_needed

    low, high = total_rows_needed(comparison)
    return max(1, low - comparison.n), max(1, high - comparison.n)
