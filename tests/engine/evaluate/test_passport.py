"""What a judge must show before it may confirm: sixty labels, and a bound above the floor."""

import pytest

from kaizen_engine.evaluate.passport import FEWEST_LABELS, Passport, Said, passport_of
from kaizen_engine.states import LabelWord

GOOD, BAD, TIE = LabelWord.GOOD, LabelWord.BAD, LabelWord.TIE


def said(*, agreed: int, of: int) -> list[Said]:
    """Return as many good items as bad; judge and people agree on the first `agreed`."""
    turned = {GOOD: BAD, BAD: GOOD}
    words = [GOOD if number % 2 else BAD for number in range(of)]
    return [
        Said(word, word if number < agreed else turned[word]) for number, word in enumerate(words)
    ]


def measured(*, agreed: int, of: int = FEWEST_LABELS) -> Passport:
    return passport_of(said(agreed=agreed, of=of))


def test_sixty_labels_with_good_agreement_hold_the_floor() -> None:
    passport = measured(agreed=56)
    assert passport.is_held
    assert passport.accuracy == pytest.approx(56 / 60)
    assert passport.kappa == pytest.approx(2 * 56 / 60 - 1)
    assert 0.6 < passport.kappa_low < passport.kappa


def test_fifty_nine_labels_are_no_passport_whatever_they_say() -> None:
    assert not measured(agreed=59, of=59).is_held


def test_the_lower_bound_holds_the_floor_and_not_the_estimate() -> None:
    passport = measured(agreed=49)
    assert passport.kappa > 0.6
    assert passport.kappa_low < 0.6
    assert not passport.is_held


def test_more_labels_with_the_same_agreement_can_lift_the_bound_over_the_floor() -> None:
    assert not measured(agreed=50, of=60).is_held
    assert measured(agreed=500, of=600).is_held


def test_a_judge_that_calls_everything_good_has_no_kappa() -> None:
    passport = passport_of([Said(GOOD, GOOD)] * 54 + [Said(BAD, GOOD)] * 6)
    assert passport.accuracy == 0.9
    assert (passport.kappa, passport.is_held) == (0.0, False)
    assert (passport.true_positive_rate, passport.true_negative_rate) == (1.0, 0.0)


def test_the_rates_say_on_which_side_the_judge_errs() -> None:
    strict = [Said(GOOD, GOOD)] * 20 + [Said(GOOD, BAD)] * 10 + [Said(BAD, BAD)] * 30
    passport = passport_of(strict)
    assert passport.true_positive_rate == pytest.approx(2 / 3)
    assert passport.true_negative_rate == 1.0


def test_a_tie_that_both_see_is_agreement() -> None:
    passport = passport_of([Said(TIE, TIE)] * 20 + [Said(GOOD, GOOD)] * 20 + [Said(BAD, BAD)] * 20)
    assert passport.accuracy == passport.kappa == 1.0


def test_position_and_repetition_are_counted_where_they_were_asked() -> None:
    plain = measured(agreed=60)
    assert plain.position_bias is None
    assert plain.self_consistency is None
    asked = [
        Said(GOOD, GOOD, again=GOOD, picks=("first", "first")),
        Said(BAD, BAD, again=GOOD, picks=("first", "second")),
    ]
    passport = passport_of(asked)
    assert passport.self_consistency == 0.5
    assert passport.position_bias == pytest.approx(0.5)


def test_no_label_has_no_figures() -> None:
    with pytest.raises(ValueError, match="at least one"):
        passport_of([])
