"""From what was compared to a verdict, in the words of the states.

Imports neither numpy nor scipy by itself: web code may read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kaizen_engine.evaluate.comparison import Comparison, DevGain
from kaizen_engine.states import Verdict

FRESH_ROWS = 30
FEWEST_ROWS_FOR_EQUAL = 30
FEWEST_DEV_ROWS = 20
FEWEST_DEV_DISCORDANT = 6
# Among more candidates than this the correction was not simulated.
MOST_CANDIDATES = 20
REPORTED_ALPHA = 0.05


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


@dataclass(frozen=True)
class Findings:
    """All that a verdict is drawn from.

    `holdout` compares the deciding rows of the hold-out, `holdout_rows` of them; `dev` is the
    corrected gain where the search allows one, of `dev_rows` deciding ones; `reported` compares
    the rows that somebody reported. None: there was nothing to compare.
    """

    holdout: Comparison | None = None
    holdout_rows: int = 0
    dev: DevGain | None = None
    dev_rows: int = 0
    reported: Comparison | None = None


def decide(found: Findings, *, may_confirm: bool = True) -> Verdict:
    """Return the verdict; raises ValueError where rows of another kind were compared.

    The hold-out goes first, for or against. Where it leaves the matter open, the corrected gain
    on dev decides; and reported rows speak only where hardly any others do. `may_confirm` is
    false where a judge scored that nobody knows to agree with people: it informs.
    """
    verdict = _on_holdout(found.holdout, found.holdout_rows)
    if verdict is Verdict.CONFIRMED and not may_confirm:
        verdict = Verdict.NOT_ENOUGH_EVIDENCE
    if verdict is not Verdict.NOT_ENOUGH_EVIDENCE:
        return verdict
    if may_confirm and found.dev is not None and is_likely(found.dev):
        return Verdict.LIKELY
    few = found.holdout_rows < FRESH_ROWS and found.dev_rows < FEWEST_DEV_ROWS
    if (few or not may_confirm) and found.reported is not None and found.reported.better:
        return Verdict.BETTER_ON_REPORTED
    return Verdict.NOT_ENOUGH_EVIDENCE


def is_likely(dev: DevGain) -> bool:
    """Say whether the gain on dev, corrected for choosing, holds without a hold-out."""
    enough = dev.n >= FEWEST_DEV_ROWS and dev.discordant >= FEWEST_DEV_DISCORDANT
    worth_it = dev.gain >= dev.minimum_effect - 1e-9
    return enough and worth_it and dev.low > 0 and dev.candidates <= MOST_CANDIDATES


def _on_holdout(comparison: Comparison | None, deciding_rows: int) -> Verdict:
    """Return confirmed, equal, worse or not_enough_evidence; confirmed needs test, lower bound
    and minimum effect together."""
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


def rows_needed(comparison: Comparison, have: int) -> tuple[int, int]:
    """Return "about k more" rows of the deciding kind as a range, at least 1, for 80 % power.

    `have` of them are there already; what was compared need not be they.
    """
    # Imported here: scipy has no place in a web process.
    from kaizen_engine.evaluate.significance_power import total_rows_needed

    low, high = total_rows_needed(comparison)
    return max(1, low - have), max(1, high - have)
