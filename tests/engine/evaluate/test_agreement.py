import random
import subprocess
import sys

import pytest

from kaizen_engine.evaluate.agreement import (
    agreement_of,
    kappa,
    kappa_error,
    kappa_lower_bound,
    position_bias,
    self_consistency,
)


def table(neither, judge_only, human_only, both):
    cells = ((0, 0), neither), ((0, 1), judge_only), ((1, 0), human_only), ((1, 1), both)
    return [pair for pair, count in cells for _ in range(count)]


def test_kappa_and_its_error_give_the_values_of_ci_kappa_in_the_r_package_statpsych():
    # Bonett, statpsych 1.9, ci.kappa(.05, 31, 12, 4, 58): 0.6756757 and 0.07344761.
    pairs = table(31, 12, 4, 58)
    assert kappa(pairs) == pytest.approx(0.6756757, abs=5e-8)
    assert kappa_error(pairs) == pytest.approx(0.07344761, abs=5e-9)


def test_kappa_and_its_error_give_the_values_of_statas_kapci():
    # Statalist 2009-12, message 320: 1,932 patients, kapci dual_15_85_6mp_dx dual_15_85_dx_12mth.
    pairs = table(1395, 118, 261, 158)
    assert kappa(pairs) == pytest.approx(0.341196920784703)
    assert kappa_error(pairs) == pytest.approx(0.0262913719660408)


def test_kappa_of_three_labels_gives_the_published_value():
    # Fleiss, Statistical Methods for Rates and Proportions, table 18.1: two raters, 100 patients.
    assert kappa(three_labels()) == pytest.approx(0.68, abs=0.005)


def test_the_error_of_kappa_is_that_of_the_delta_method_for_three_labels():
    pairs, step = three_labels(), 1e-6
    slopes = [(kappa_with(pairs, cell, step) - kappa(pairs)) / step for cell in pairs]
    mean = sum(slopes) / len(slopes)
    variance = sum(slope**2 for slope in slopes) / len(slopes) - mean**2
    assert kappa_error(pairs) == pytest.approx((variance / len(pairs)) ** 0.5, rel=1e-4)


def three_labels():
    rows = {"psychosis": (75, 1, 4), "neurosis": (5, 4, 1), "organic": (0, 0, 10)}
    return [
        (left, right)
        for left, counts in rows.items()
        for right, count in zip(rows, counts, strict=True)
        for _ in range(count)
    ]


def kappa_with(pairs, cell, step):
    """Kappa when this cell's share of the table grows by a step."""
    labels, weight = {left for left, _ in pairs}, 1 / len(pairs)
    shares = {(a, b): weight * pairs.count((a, b)) for a in labels for b in labels}
    shares[cell] += step
    whole = sum(shares.values())
    agreed = sum(shares[one, one] for one in labels) / whole
    rows = {one: sum(shares[one, other] for other in labels) / whole for one in labels}
    columns = {one: sum(shares[other, one] for other in labels) / whole for one in labels}
    by_chance = sum(rows[one] * columns[one] for one in labels)
    return (agreed - by_chance) / (1 - by_chance)


def test_an_agreement_has_both_rates_and_a_bound_below_kappa():
    found = agreement_of([(bool(human), bool(judge)) for human, judge in table(18, 2, 4, 36)])
    assert (found.n, found.level) == (60, 0.8)
    assert found.accuracy == pytest.approx(54 / 60)
    assert found.tpr == pytest.approx(36 / 40)
    assert found.tnr == pytest.approx(18 / 20)
    assert found.kappa_low < found.kappa == kappa(table(18, 2, 4, 36))


def test_without_any_doubt_in_the_labels_the_bound_still_knows_how_few_they_are():
    few, many = table(3, 0, 0, 3), table(30, 0, 0, 30)
    assert kappa(few) == kappa(many) == 1
    assert kappa_lower_bound(few) < 0.85 < 0.95 < kappa_lower_bound(many) < 1


def test_labels_that_are_all_the_same_are_no_agreement_and_leave_a_rate_open():
    found = agreement_of([(True, True)] * 60)
    assert (found.accuracy, found.kappa, found.kappa_low) == (1, 0, 0)
    assert (found.tpr, found.tnr) == (1, None)
    assert kappa([(True, True), (False, True)]) == 0


def test_no_labels_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one pair"):
        agreement_of([])


@pytest.mark.parametrize(("accuracy", "share_good"), [(0.8, 0.5), (0.95, 0.85), (0.9, 0.5)])
def test_four_of_five_bounds_lie_below_the_true_kappa(accuracy, share_good):
    rng = random.Random(2)
    called_good = share_good * accuracy + (1 - share_good) * (1 - accuracy)
    by_chance = share_good * called_good + (1 - share_good) * (1 - called_good)
    true = (accuracy - by_chance) / (1 - by_chance)
    runs = [kappa_lower_bound(labels(rng, accuracy, share_good)) <= true for _ in range(1000)]
    assert sum(runs) / 1000 == pytest.approx(0.8, abs=0.05)


def labels(rng, accuracy, share_good):
    people = [rng.random() < share_good for _ in range(60)]
    return [(good, good if rng.random() < accuracy else not good) for good in people]


def test_position_bias_is_what_the_first_place_wins_more_often():
    assert position_bias(["first"] * 6 + ["second"] * 2 + ["tie"] * 9) == pytest.approx(0.5)
    assert position_bias(["second"]) == -1
    assert position_bias(["tie"]) is None


def test_self_consistency_counts_pairs_of_votes_on_the_same_row():
    assert self_consistency([("a", "a", "b"), ("c",), ("d", "d")]) == pytest.approx(2 / 4)
    assert self_consistency([("a",)]) is None


def test_web_code_can_read_agreement_without_numpy_or_scipy():
    code = (
        "import sys, kaizen_engine.evaluate.agreement;"
        "sys.exit(bool({'numpy', 'scipy', 'django', 'dspy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
