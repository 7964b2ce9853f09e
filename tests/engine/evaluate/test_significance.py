import itertools
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm, permutation_test

from kaizen_engine.evaluate.significance import (
    alpha_for_look,
    compare,
    mcnemar_midp,
    sign_flip_interval,
    sign_flip_p,
    tango_interval,
)

ALPHA = alpha_for_look(1)


def test_alphas_of_all_looks_add_up_to_five_percent():
    assert [round(alpha_for_look(k), 4) for k in (1, 2, 3, 4)] == [0.0304, 0.0076, 0.0034, 0.0019]
    assert sum(alpha_for_look(k) for k in range(1, 20_000)) == pytest.approx(0.05, abs=1e-5)
    with pytest.raises(ValueError):
        alpha_for_look(0)


def test_mcnemar_midp_gives_the_published_value():
    # Fagerland, Lydersen, Laake 2013, table 1 (Bentur et al. 2009): 1 against 7 of 21 pairs,
    # two-sided mid-p 0.039.
    assert 2 * mcnemar_midp(7, 1) == pytest.approx(0.0390625)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 0), (0, 3), (5, 5), (9, 4), (40, 20)])
def test_mcnemar_midp_is_the_binomial_tail_less_half_of_the_observed(b, c):
    n = b + c
    tail = sum(math.comb(n, k) for k in range(b + 1, n + 1)) + math.comb(n, b) / 2
    assert mcnemar_midp(b, c) == (pytest.approx(tail / 2**n) if n else 1.0)


def test_the_tango_interval_gives_the_published_values():
    # Fagerland, Lydersen, Laake 2014, Statistics in Medicine 33:2850, the same 21 pairs.
    low, high = tango_interval(1, 7, 21, 0.95)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@pytest.mark.parametrize(
    ("b", "c", "n"), [(1, 7, 21), (40, 20, 160), (5, 0, 30), (1, 1, 44), (12, 3, 15), (0, 1, 44)]
)
@pytest.mark.parametrize("level", [0.90, 0.95])
def test_each_tango_bound_is_where_the_score_test_just_rejects(b, c, n, level):
    z = norm.ppf(0.5 + level / 2)
    for bound, side in zip(tango_interval(b, c, n, level), (1, -1), strict=True):
        variance = (2 * constrained_share(b, c, n, bound) + bound - bound**2) / n
        assert ((b - c) / n - bound) / math.sqrt(variance) == pytest.approx(side * z, abs=1e-3)


def constrained_share(b, c, n, delta):
    """The maximum likelihood share of broken pairs when the difference is delta, by search."""

    def loss(share):
        shares = (share + delta, share, 1 - 2 * share - delta)
        terms = zip((b, c, n - b - c), shares, strict=True)
        return -sum(count * math.log(max(share, 1e-300)) for count, share in terms)

    bounds = (max(0.0, -delta), (1 - delta) / 2)
    return minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x


@pytest.mark.parametrize("n", [1, 2, 5, 30, 500])
def test_the_tango_interval_at_the_edges_has_a_closed_form(n):
    z2 = norm.ppf(0.975) ** 2
    assert tango_interval(0, 0, n, 0.95) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)))
    assert tango_interval(n, 0, n, 0.95) == pytest.approx(((n - z2) / (n + z2), 1.0))
    assert tango_interval(0, n, n, 0.95) == pytest.approx((-1.0, (z2 - n) / (n + z2)))


@pytest.mark.parametrize(("b", "c", "n"), [(1, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_impossible_counts_are_refused(b, c, n):
    with pytest.raises(ValueError):
        tango_interval(b, c, n, 0.95)


DIFFS = [0.4, -0.1, 0.3, 0.25, -0.2, 0.1, 0.0, 0.5]


def test_sign_flips_are_enumerated_when_there_are_few():
    sums = [
        sum(sign * diff for sign, diff in zip(signs, DIFFS, strict=True))
        for signs in itertools.product((1, -1), repeat=len(DIFFS))
    ]
    above = sum(value > sum(DIFFS) + 1e-9 for value in sums)
    alike = sum(abs(value - sum(DIFFS)) <= 1e-9 for value in sums)
    assert sign_flip_p(DIFFS) == pytest.approx((above + alike / 2) / len(sums))


def test_the_p_value_agrees_with_scipys_permutation_test_of_pairs():
    diffs = [0.41, -0.13, 0.3, 0.25, -0.2, 0.17, 0.53, 0.09]
    # scipy counts the observed pattern in full, the mid-p its half; no other pattern ties here.
    reference = permutation_test(
        (diffs,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert sign_flip_p(diffs) == pytest.approx(reference.pvalue - 0.5 / 2 ** len(diffs))


def test_binary_scores_get_the_same_p_from_sign_flips_as_from_mcnemar():
    diffs = [1] * 8 + [-1] * 3
    assert sign_flip_p(diffs) == pytest.approx(mcnemar_midp(8, 3))


def test_drawn_flips_come_close_to_mcnemar_and_repeat_with_their_seed():
    diffs = [1] * 22 + [-1] * 12 + [0] * 40
    assert sign_flip_p(diffs, seed=3) == pytest.approx(mcnemar_midp(22, 12), abs=0.01)
    assert sign_flip_p(diffs, seed=3) == sign_flip_p(diffs, seed=3)
    assert sign_flip_p([0.5] * 40, seed=3) > 0


def test_the_sign_flip_interval_is_the_inversion_of_its_test():
    low, high = sign_flip_interval(DIFFS, None, 0, 0.90)
    for bound, side in ((low, 1), (high, -1)):
        inside = [side * (diff - bound - side * 0.001) for diff in DIFFS]
        outside = [side * (diff - bound + side * 0.001) for diff in DIFFS]
        assert sign_flip_p(inside) >= 0.05 > sign_flip_p(outside)


def test_rows_of_one_group_are_flipped_together():
    diffs, groups = [0.5] * 12, ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    assert sign_flip_p(diffs, groups) == pytest.approx(0.5 / 2**3)
    assert sign_flip_p(diffs) == pytest.approx(0.5 / 2**12)


def test_binary_rows_are_compared_by_mcnemar_and_tango():
    before, after = [0] * 30 + [1] * 50, [1] * 20 + [0] * 10 + [1] * 46 + [0] * 4
    found = compare(before, after, alpha=ALPHA)
    assert (found.method, found.fixed, found.broken, found.n) == ("mcnemar_tango", 20, 4, 80)
    assert found.gain == pytest.approx(0.2)
    assert found.p == mcnemar_midp(20, 4)
    assert (found.low, found.high) == tango_interval(20, 4, 80, 1 - 2 * ALPHA)
    assert found.better


@pytest.mark.parametrize(
    ("after", "groups"),
    [([0.5] * 20, None), ([1] * 20, ["a", "b"] * 10)],
)
def test_graded_or_grouped_rows_are_compared_by_sign_flips(after, groups):
    assert compare([0] * 20, after, groups, alpha=ALPHA).method == "sign_flip"


def test_groups_of_one_row_are_no_groups():
    groups = [str(number) for number in range(20)]
    assert compare([0] * 20, [1] * 20, groups, alpha=ALPHA).method == "mcnemar_tango"


def test_two_groups_prove_nothing_however_many_rows_they_have():
    found = compare([0] * 100, [1] * 100, ["a"] * 50 + ["b"] * 50, alpha=ALPHA)
    assert found.units == 2
    assert not found.better


def test_a_gain_below_the_minimum_effect_is_not_better():
    before, after = [0.5] * 400, [0.51, 0.515] * 200
    found = compare(before, after, alpha=ALPHA)
    assert found.p < ALPHA
    assert found.low > 0
    assert not found.better


def test_arithmetic_noise_is_no_difference():
    found = compare([0.3] * 50, [0.1 + 0.2] * 50, alpha=ALPHA)
    assert (found.discordant, found.gain, found.p) == (0, 0.0, 1.0)


DEGENERATE = [
    ([0] * 5, [0] * 5, "no_row_differs"),
    ([0.5] * 40, [0.5] * 40, "no_row_differs"),
    ([0] * 6, [1] * 6, "all_rows_differ_alike"),
    ([1] * 6, [0] * 6, "all_rows_differ_alike"),
    ([0.25] * 40, [0.75] * 40, "all_rows_differ_alike"),
    ([1], [1], "no_row_differs"),
    ([0], [0.5], "all_rows_differ_alike"),
]


@pytest.mark.parametrize(("before", "after", "name"), DEGENERATE)
def test_degenerate_data_is_decided_by_name_and_never_nan(before, after, name):
    found = compare(before, after, alpha=ALPHA)
    assert found.degenerate == name
    numbers = [value for value in asdict(found).values() if isinstance(value, float)]
    assert all(math.isfinite(number) for number in numbers)
    assert found.low < found.high or abs(found.gain) == 1


SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
PAIR = st.tuples(SCORES, SCORES, st.sampled_from("abcdefgh"))


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(SCORES, SCORES, st.sampled_from("abcdefgh")), min_size=1, max_size=25)
)
def test_the_interval_holds_the_gain_and_a_test_never_disagrees_with_it(pairs):
    before, after, groups = zip(*pairs, strict=True)
    for grouping in (None, groups):
        found = compare(before, after, grouping, alpha=ALPHA)
        assert -1 <= found.low <= found.gain <= found.high <= 1
        assert 0 < found.p <= 1
        mirror = compare(after, before, grouping, alpha=ALPHA)
        assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low), abs=1e-6)
        if found.low > 1e-9 and found.method == "sign_flip":
            assert found.p < ALPHA


@pytest.mark.parametrize(
    ("before", "after", "groups"),
    [
        ([], [], None),
        ([1], [1, 0], None),
        ([1], [1], []),
        ([1.5], [1], None),
        ([math.nan], [1], None),
    ],
)
def test_what_cannot_be_compared_is_refused(before, after, groups):
    with pytest.raises(ValueError):
        compare(before, after, groups, alpha=ALPHA)
