"""A smoke run of the simulations in `bench`, whose full tables are in its README.

Bounds are such that a right product fails one of them in less than one suite in 1,000.
"""

import pytest

from bench.judges import coverage
from bench.null_jobs import (
    confirmed_in_a_row,
    count_verdicts,
    equal,
    greedy,
    likely_below_twenty,
)
from bench.power import judge, power_of_plan
from bench.simulated import Traffic

JOBS = 50


@pytest.mark.parametrize(
    "draw",
    [
        equal(Traffic(), 50, 0.6),
        equal(Traffic(graded=True), 150, 0.8),
        equal(Traffic(group=4), 150, 0.6),
        equal(Traffic(reported=0.5), 150, 0.8),
        greedy(150, 0.8),
    ],
    ids=["binary", "graded", "grouped", "reported", "greedy"],
)
def test_equal_prompts_are_seldom_better(draw):
    found = count_verdicts(draw, JOBS)
    # At a true 3 % more than 6 of 50 come once in 1,000 runs.
    assert found["confirmed"] + found["likely"] <= 6


def test_what_dev_alone_says_of_reported_failures_is_not_believed():
    found = count_verdicts(equal(Traffic(reported=1.0), 50, 0.8), 30)
    assert found["naive"] >= 25
    assert found["confirmed"] + found["likely"] <= 4


def test_ten_looks_at_one_hold_out_seldom_confirm_anything():
    # At a true 5 % more than 5 of 20 come once in 1,000 runs.
    assert confirmed_in_a_row(0.8, 20, rows=150) <= 0.25


def test_below_twenty_dev_rows_nothing_is_likely():
    assert likely_below_twenty(JOBS) == 0


def test_a_great_gain_is_likely_and_mostly_confirmed():
    found = judge(90, 30, 0.25, 20)
    assert found.likely >= 17
    assert 8 <= found.confirmed <= 20
    assert found.corrected_gain == pytest.approx(0.25, abs=0.05)


def test_as_many_rows_as_planned_show_the_gain_four_times_in_five():
    rows, power = power_of_plan(0.3, 0.2, 200)
    assert rows == 51
    assert power == pytest.approx(0.8, abs=0.1)


def test_a_judge_that_errs_to_one_side_leaves_the_truth_in_the_interval():
    covered, width, alone = coverage(0.6, 200)
    assert covered >= 0.9
    assert width < alone
