"""Topics keep their identity from job to job, and say what became of them."""

from kaizen_engine.optimize.topics import (
    Sighting,
    Topic,
    TopicRow,
    find_topics,
    life_of,
    match_topics,
)
from kaizen_engine.states import TopicLife

CARDS = [f"my new card has not arrived after {n} days" for n in range(3, 11)]
FEES = [f"why was a transfer fee of {n} euro charged" for n in range(3, 11)]


def rows(*, cards: float | None = 0.0, fees: float | None = 1.0) -> list[TopicRow]:
    return [
        *(TopicRow(f"card{n}", text, cards, False) for n, text in enumerate(CARDS)),
        *(TopicRow(f"fee{n}", text, fees, True) for n, text in enumerate(FEES)),
    ]


def topic(*members: str, failing: int = 0, scored: int | None = None) -> Topic:
    scored = len(members) if scored is None else scored
    return Topic("cards", members, members[:failing], len(members), scored, examples=0)


def seen(life: TopicLife = TopicLife.STEADY, **changes: float) -> Sighting:
    facts = {"share": 0.5, "failures": 2, "failure_share": 0.2} | changes
    return Sighting(
        life, frozenset(), facts["share"], int(facts["failures"]), facts["failure_share"]
    )


def test_inputs_about_two_things_are_two_topics_the_failing_one_first() -> None:
    first, second = find_topics(rows(), 0.8)
    assert first.failures == len(CARDS)
    assert set(first.members) == {f"card{n}" for n in range(8)}
    assert "card" in first.name
    assert second.failures == 0


def test_a_failing_topic_without_examples_is_a_gap_and_one_with_examples_is_none() -> None:
    cards, _ = find_topics(rows(), 0.8)
    assert cards.is_gap
    fees, _ = find_topics(rows(cards=1.0, fees=0.0), 0.8)
    assert fees.is_failing
    assert not fees.is_gap


def test_a_candidate_belongs_to_its_topic_and_counts_for_nothing() -> None:
    asked = TopicRow("call1", "where is the new card that has not arrived", is_candidate=True)
    found = find_topics([*rows(), asked], 0.8)
    [home] = [topic for topic in found if topic.candidates]
    assert home.candidates == ("call1",)
    assert all(member.startswith("card") for member in home.members)
    assert sum(topic.rows for topic in found) == len(CARDS) + len(FEES)


def test_a_candidate_like_nothing_else_belongs_to_no_topic() -> None:
    stranger = TopicRow("call2", "zebra crossing", is_candidate=True)
    assert not any(topic.candidates for topic in find_topics([*rows(), stranger], 0.8))


def test_rows_nobody_scored_fail_nothing() -> None:
    assert all(topic.failures == 0 for topic in find_topics(rows(cards=None, fees=None), 0.8))


def test_a_topic_goes_on_when_half_of_the_smaller_one_is_common() -> None:
    now = [topic("a", "b", "c", "d"), topic("x", "y")]
    assert match_topics(now, {7: {"c", "d"}, 9: {"x", "q", "r", "s", "t"}}) == {0: 7, 1: 9}


def test_a_known_topic_goes_on_in_one_topic_only() -> None:
    now = [topic("a", "b"), topic("c")]
    assert match_topics(now, {1: {"a", "b", "c"}}) == {0: 1, 1: None}


def test_a_topic_is_new_then_growing_then_fixed_then_regressed() -> None:
    failing = topic(*"abcdefghij", failing=4)
    assert life_of(failing, None, share=0.5) is TopicLife.NEW
    assert life_of(failing, seen(), share=0.5) is TopicLife.GROWING
    assert life_of(topic(*"abcdefghij"), seen(), share=0.5) is TopicLife.FIXED
    assert life_of(failing, seen(TopicLife.FIXED, failures=0), share=0.5) is TopicLife.REGRESSED


def test_too_few_scored_rows_fix_nothing() -> None:
    assert life_of(topic("a", "b"), seen(), share=0.5) is TopicLife.STEADY


def test_a_topic_without_failures_grows_with_its_share_of_all_rows() -> None:
    calm = seen(failures=0, failure_share=0.0)
    assert life_of(topic(*"abcd"), calm, share=0.8) is TopicLife.GROWING
    assert life_of(topic(*"abcd"), calm, share=0.5) is TopicLife.STEADY
