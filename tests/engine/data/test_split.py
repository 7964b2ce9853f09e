from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.data.split import SplitRow, assign_splits, group_key, sample_groups
from kaizen_engine.states import Split

TRAIN, DEV, TEST = Split.TRAIN, Split.DEV, Split.TEST


def rows(count, *, start=0, deciding=True, seen=False, group_of=None):
    groups = group_of or (lambda number: f"g{number}")
    return [
        SplitRow(str(number), groups(number), None, deciding, seen)
        for number in range(start, start + count)
    ]


def settled(given_rows, seed=1):
    splits = assign_splits(given_rows, seed)
    return [replace(row, split=row.split or splits[row.id]) for row in given_rows]


def counts(given_rows):
    return Counter(row.split for row in given_rows)


def test_few_rows_are_dealt_out_20_to_80_without_a_test():
    assert counts(settled(rows(50))) == {TRAIN: 10, DEV: 40}
    assert counts(settled(rows(149))) == {TRAIN: 30, DEV: 119}


def test_from_150_rows_there_is_a_hold_out_of_max_30_and_20_percent():
    assert counts(settled(rows(150))) == {TRAIN: 30, DEV: 90, TEST: 30}
    assert counts(settled(rows(1000))) == {TRAIN: 200, DEV: 600, TEST: 200}


def test_new_rows_fill_the_hold_out_first_and_old_rows_keep_their_split():
    before = settled(rows(140))
    after = settled([*before, *rows(60, start=140)])
    assert after[:140] == before
    assert counts(after[140:])[TEST] == 40
    assert counts(after)[TEST] == 40


@pytest.mark.parametrize("kind", [{"deciding": False}, {"seen": True}])
def test_reported_and_seen_rows_never_become_test(kind):
    mixed = settled([*rows(180, **kind), *rows(20, start=180)])
    assert counts(mixed[:180])[TEST] == 0
    assert counts(mixed[180:]) == {TEST: 20}


def test_one_seen_row_keeps_its_whole_group_out_of_test():
    pairs = rows(200, group_of=lambda number: f"g{number // 2}")
    pairs = [replace(row, seen=number % 2 == 0) for number, row in enumerate(pairs)]
    assert counts(settled(pairs))[TEST] == 0


def test_a_new_row_joins_the_split_of_its_group_even_when_that_is_test():
    before = settled(rows(200))
    group = next(row.group for row in before if row.split is TEST)
    late = SplitRow("late", group, None, deciding=False, seen=True)
    assert assign_splits([late, *before], seed=1) == {"late": TEST}


def test_red_team_rows_and_given_splits_are_kept():
    given_rows = [replace(row, split=Split.RED_TEAM) for row in rows(10)] + rows(50, start=10)
    assert counts(settled(given_rows)) == {Split.RED_TEAM: 10, TRAIN: 10, DEV: 40}


def test_a_group_too_large_for_the_hold_out_is_passed_over():
    conversation = rows(100, group_of=lambda number: "one user")
    mixed = settled([*conversation, *rows(100, start=100)])
    assert counts(mixed)[TEST] == 40
    assert {row.split for row in mixed[:100]} == {DEV}


def test_two_large_groups_still_leave_something_to_learn_from():
    halves = settled(rows(40, group_of=lambda number: f"g{number % 2}"))
    assert counts(halves) == {TRAIN: 20, DEV: 20}


def test_another_seed_deals_differently():
    assert assign_splits(rows(100), 1) != assign_splits(rows(100), 2)


ROW = st.builds(
    SplitRow,
    id=st.integers(0, 10**9).map(str),
    group=st.integers(0, 150).map(str),
    split=st.none(),
    deciding=st.booleans(),
    seen=st.booleans(),
)
MANY = st.lists(ROW, max_size=260, unique_by=lambda row: row.id)


@settings(max_examples=40, deadline=None)
@given(first=MANY, second=MANY, seed=st.integers(0, 5), data=st.data())
def test_splits_are_stable_shared_by_groups_and_independent_of_order(first, second, seed, data):
    known = {row.id for row in first}
    once = settled(first, seed)
    twice = settled([*once, *(row for row in second if row.id not in known)], seed)
    assert twice[: len(once)] == once
    assert assign_splits(twice, seed) == {}
    assert len({(row.group, row.split) for row in twice}) == len({row.group for row in twice})
    shuffled = data.draw(st.permutations(first))
    assert assign_splits(shuffled, seed) == assign_splits(first, seed)
    for row in once:
        if row.split is TEST:
            assert row.deciding
            assert not row.seen


def test_inputs_that_differ_in_case_blanks_and_width_are_one_group():
    assert group_key({"text": "Hello  World\n", "n": 1}) == group_key(
        {"n": 1, "text": "ｈello world"}
    )
    assert group_key({"text": "hello"}) != group_key({"text": "hallo"})
    assert group_key({"text": "1"}) != group_key({"text": 1})
    assert group_key({"a": {"b": ["X "]}}) == group_key({"a": {"b": ["x"]}})


def test_a_sample_takes_whole_groups_up_to_its_size_in_an_order_of_its_seed() -> None:
    rows = [(str(number), f"group {number // 4}") for number in range(100)]
    taken = sample_groups(rows, 30, seed=1)
    assert len(taken) == 28
    assert taken == sample_groups(rows, 30, seed=1) != sample_groups(rows, 30, seed=2)
    groups = [group for row, group in rows if row in taken]
    assert all(groups.count(group) == 4 for group in groups)
    assert len(sample_groups(rows, 1000, seed=1)) == 100
