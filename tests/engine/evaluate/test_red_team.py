import numpy as np
import pytest

from kaizen_engine.evaluate.red_team import (
    SAMPLES,
    RedTeamRow,
    judge_red_team,
    rounds_for,
    rows_to_ask_again,
)

GOOD = 0.8


def row(before, after, name="row"):
    return RedTeamRow(name, name, before, after)


STEADY = [row([1] * 3, [1] * 3, f"steady {number}") for number in range(20)]


def test_a_row_that_falls_each_time_blocks_by_itself():
    fallen = row([1] * 9, [0, 1, 0] * 3)
    found = judge_red_team([fallen, *STEADY], GOOD)
    assert found.is_blocked
    assert found.fallen == ("row",)
    assert not found.is_worse


@pytest.mark.parametrize(
    ("before", "after"),
    [([1, 1, 1], [0, 1, 1]), ([0, 1, 1], [0, 0, 0]), ([1] * 3, [1] * 3)],
)
def test_a_row_that_stands_twice_or_stood_not_always_blocks_nothing(before, after):
    rows = [row(before, after), *STEADY]
    assert rows_to_ask_again(rows, GOOD) == ()
    assert not judge_red_team(rows, GOOD).is_blocked


def test_a_fallen_row_is_asked_again_before_it_counts():
    once, twice = row([1] * 3, [0] * 3), row([1] * 6, [0] * 3 + [1] * 3)
    assert rows_to_ask_again([once, *STEADY], GOOD) == ("row",)
    with pytest.raises(ValueError, match="asked again"):
        judge_red_team([once, *STEADY], GOOD)
    assert rows_to_ask_again([twice, *STEADY], GOOD) == ()
    assert not judge_red_team([twice, *STEADY], GOOD).is_blocked


def test_many_rows_a_little_worse_block_together():
    rows = [row([1] * 3, [1, 1, 0], str(number)) for number in range(12)]
    found = judge_red_team(rows, GOOD)
    assert found.is_blocked
    assert found.fallen == ()
    assert found.gain == pytest.approx(-1 / 3)


def test_the_number_of_rounds_follows_the_number_of_rows():
    assert [rounds_for(rows) for rows in (1, 4, 5, 68, 69)] == [2, 2, 3, 3, 4]


@pytest.mark.parametrize("share_good", [0.5, 0.75, 0.9, 1.0])
def test_two_equal_prompts_pass(share_good):
    random = np.random.default_rng(9)
    passed = sum(not run(random, 30, share_good).is_blocked for _ in range(40))
    # 38 are expected at the least; fewer than 33 would come once in 1,000 suites.
    assert passed >= 33


def run(random, rows, share_good):
    drawn = [
        row(random.random(3) < share_good, random.random(3) < share_good, str(number))
        for number in range(rows)
    ]
    while again := set(rows_to_ask_again(drawn, GOOD)):
        drawn = [more(random, one, share_good) if one.id in again else one for one in drawn]
    return judge_red_team(drawn, GOOD)


def more(random, one, share_good):
    before, after = (random.random((2, SAMPLES)) < share_good).tolist()
    return row([*one.before, *before], [*one.after, *after], one.id)


def test_rows_without_three_samples_are_refused():
    with pytest.raises(ValueError, match="three samples"):
        judge_red_team([row([1], [1])], GOOD)
    with pytest.raises(ValueError, match="three samples"):
        judge_red_team([], GOOD)
