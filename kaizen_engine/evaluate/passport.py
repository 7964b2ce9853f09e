"""A judge's passport: what it has to show of its agreement with people before it may confirm.

People and judges say of an answer that it is good or bad, or beside a reference that it is better
(good), worse (bad) or as good (tie).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kaizen_engine.evaluate.agreement import (
    Winner,
    agreement_of,
    kappa,
    kappa_lower_bound,
    position_bias,
    self_consistency,
)
from kaizen_engine.states import LabelWord

FEWEST_LABELS = 60
FLOOR = 0.6
LEVEL = 0.8


@dataclass(frozen=True)
class Said:
    """What a person and the judge said of one random item.

    `again` is the judge's word on being asked once more; `picks` say which of a pair it chose by
    where it was shown. Both are empty where nobody asked.
    """

    human: LabelWord
    judge: LabelWord
    again: str = ""
    picks: tuple[Winner, ...] = ()


@dataclass(frozen=True)
class Passport:
    """The figures; a rate or share that these items cannot give is None."""

    labels: int
    accuracy: float
    kappa: float
    kappa_low: float
    true_positive_rate: float | None
    true_negative_rate: float | None
    position_bias: float | None
    self_consistency: float | None
    floor: float

    @property
    def is_held(self) -> bool:
        return self.labels >= FEWEST_LABELS and self.kappa_low >= self.floor


def passport_of(said: Sequence[Said], *, floor: float = FLOOR) -> Passport:
    """Return the figures of at least one item; raises ValueError for none."""
    pairs = [(one.human, one.judge) for one in said]
    rates = agreement_of([(_is_good(human), _is_good(judge)) for human, judge in pairs], LEVEL)
    return Passport(
        labels=len(said),
        accuracy=sum(human == judge for human, judge in pairs) / len(pairs),
        kappa=kappa(pairs),
        kappa_low=kappa_lower_bound(pairs, LEVEL),
        true_positive_rate=rates.tpr,
        true_negative_rate=rates.tnr,
        position_bias=position_bias(pick for one in said for pick in one.picks),
        self_consistency=self_consistency([(one.judge, one.again) for one in said if one.again]),
        floor=floor,
    )


def _is_good(word: LabelWord) -> bool:
    return word is LabelWord.GOOD
