"""Groups: who belongs together, that nothing moves, and that nothing straddles two splits."""

import random
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.data.groups import GroupRow, Groups, form_groups, links_of
from kaizen_engine.data.near import is_near, words_of
from kaizen_engine.data.split import SplitRow, assign_splits
from kaizen_engine.states import Split

WORDS = [f"w{number}" for number in range(12)]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
people = st.sampled_from(["", "", "", "user:a", "user:b", "conversation:c"])


def row(number: int, text: str, link: str = "", **more: object) -> GroupRow:
    fields = {"id": str(number), "inputs": {"text": text}, "links": (link,) if link else ()}
    return GroupRow(**{**fields, **more})  # type: ignore[arg-type]


def rows_of(given_rows: Sequence[tuple[str, str]]) -> list[GroupRow]:
    return [row(number, text, link) for number, (text, link) in enumerate(given_rows)]


def dealt(rows: Sequence[GroupRow], seed: int) -> list[GroupRow]:
    """Place the rows as a job does: new ones get the group and the split, tied ones neither."""
    groups = form_groups(rows)
    lots = [
        SplitRow(one.id, groups.of[one.id], one.split, True, False)
        for one in rows
        if one.id in groups.of
    ]
    splits = assign_splits(lots, seed)
    return [
        replace(one, group=groups.of[one.id], split=splits[one.id]) if one.id in splits else one
        for one in rows
    ]


def belong_together(one: GroupRow, other: GroupRow) -> bool:
    is_linked = bool(set(one.links) & set(other.links))
    return is_linked or is_near(words_of(one.inputs), words_of(other.inputs))


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.lists(st.tuples(texts, people), max_size=12), min_size=1, max_size=4),
    seed=st.integers(0, 5),
)
def test_splits_never_change_and_groups_never_straddle(
    batches: list[list[tuple[str, str]]], seed: int
) -> None:
    """Whatever comes in whatever batches, and with 150 rows before it so that there is a test."""
    known = dealt([row(-n, f"filler{n} only{n} here{n}") for n in range(1, 160)], seed)
    for number, batch in enumerate(batches):
        new = [replace(one, id=f"{number}.{one.id}") for one in rows_of(batch)]
        after = dealt([*known, *new], seed)
        kept = zip(known, after, strict=False)
        assert all(before.split is None or before == now for before, now in kept)
        known = after
    placed = [one for one in known if one.split]
    for place, one in enumerate(placed):
        for other in placed[place + 1 :]:
            assert one.split is other.split or not belong_together(one, other)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts, people), max_size=25))
def test_one_forming_finds_every_pair_that_comparing_all_would(
    given_rows: list[tuple[str, str]],
) -> None:
    rows = rows_of(given_rows)
    groups = form_groups(rows).of
    for place, one in enumerate(rows):
        for other in rows[place + 1 :]:
            if belong_together(one, other):
                assert groups[one.id] == groups[other.id]


def test_a_row_that_would_tie_two_splits_is_left_out_of_both() -> None:
    rows = [
        row(1, "where is my parcel", "user:a", group="one", split=Split.TRAIN),
        row(2, "I was charged twice this month", "user:b", group="two", split=Split.TEST),
        row(3, "Where is my parcel?", "user:b"),
        row(4, "something else", "user:b"),
    ]
    groups = form_groups(rows)
    assert groups.tied == {"3"}
    assert groups.of == {"1": "one", "2": "two", "4": "two"}


def test_of_two_placed_rows_that_belong_together_the_hold_out_loses_its_own() -> None:
    rows = [
        row(1, "where is my parcel now", group="one", split=Split.TEST),
        row(2, "where is my parcel", group="two", split=Split.TRAIN),
    ]
    assert form_groups(rows).tied == {"1"}


def test_what_is_shown_marks_the_group_of_all_that_say_nearly_the_same() -> None:
    rows = [row(1, "where is my parcel"), row(2, "a refund please")]
    groups = form_groups(rows, shown=[{"text": "Where is my parcel now?"}])
    assert groups.shown == {groups.of["1"]}
    assert groups.of["2"] not in groups.shown


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("message 1", "message 2", False),
        (
            "How do I get my money back for order 17",
            "How do I get my money back for order 18",
            True,
        ),
        ("Wo ist mein Paket", "wo ist  mein PAKET!", True),
        ("我的包裹在哪里呢请告诉我一下谢谢", "我的包裹在哪里呢请告诉我一下谢谢你", True),
        ("我的包裹在哪里呢请告诉我一下谢谢", "我想退款但是不知道怎么做请帮忙谢谢", False),
        ("?", "!", False),
        ("", "", True),
    ],
)
def test_near_is_four_words_in_five(one: str, other: str, is_same: bool) -> None:
    assert is_near(words_of({"text": one}), words_of({"text": other})) is is_same


def test_the_same_context_with_another_question_is_another_row() -> None:
    context = " ".join(WORDS * 3)
    asked = [{"context": context, "question": text} for text in ("who paid", "when was it")]
    rows = [GroupRow(str(number), inputs) for number, inputs in enumerate(asked)]
    assert len(set(form_groups(rows).of.values())) == 2


def test_links_name_nobody_and_are_the_same_for_the_same_person() -> None:
    links = links_of({"user_id": 17, "conversation_id": "abc", "channel": "web"})
    assert links == links_of({"conversation_id": "abc", "user": "17"})
    assert len(links) == 2
    assert not any("abc" in link or link == "17" for link in links)
    assert links_of({"user_id": None, "session_id": "", "user": True}) == ()


def _ten_thousand(kind: str) -> list[GroupRow]:
    lots = random.Random(3)
    words = [f"v{number}" for number in range(3000)]
    if kind == "one template":
        return [row(n, f"{' '.join(words[:40])} order {n}") for n in range(10_000)]
    return [row(n, " ".join(lots.choices(words, k=20))) for n in range(10_000)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one template", "all different"])
def test_ten_thousand_rows_take_seconds(kind: str) -> None:
    rows = _ten_thousand(kind)
    began = time.process_time()
    groups: Groups = form_groups(rows)
    assert time.process_time() - began < 20
    assert len(set(groups.of.values())) == (1 if kind == "one template" else 10_000)
