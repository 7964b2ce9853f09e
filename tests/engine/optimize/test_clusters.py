"""Texts put together by what they say: the same on every run, nobody left out."""

import random

from kaizen_engine.optimize.clusters import cluster_texts

TOPICS = {
    "card": "my card was declined at the shop terminal",
    "transfer": "the transfer to another bank has not arrived",
    "passcode": "I forgot the passcode of the app",
}


def some_texts() -> dict[str, str]:
    return {
        f"{topic}-{number}": f"{text} number{number} {'again' * (number % 2)}"
        for topic, text in TOPICS.items()
        for number in range(8)
    }


def test_texts_about_the_same_thing_come_together() -> None:
    found = cluster_texts(some_texts(), most=3)
    topics = [{text_id.partition("-")[0] for text_id in cluster.ids} for cluster in found]
    assert sorted(topics, key=str) == [{"card"}, {"passcode"}, {"transfer"}]
    assert [cluster.size for cluster in found] == [8, 8, 8]


def test_a_cluster_is_named_by_the_words_that_set_it_apart() -> None:
    names = {cluster.name for cluster in cluster_texts(some_texts(), most=3)}
    assert any("passcode" in name for name in names)
    assert any("declined" in name or "card" in name for name in names)


def test_the_order_of_the_texts_changes_nothing() -> None:
    texts = some_texts()
    mixed = list(texts.items())
    random.Random(4).shuffle(mixed)
    assert cluster_texts(dict(mixed)) == cluster_texts(texts)


def test_every_text_is_in_one_cluster_and_there_are_no_more_than_asked_for() -> None:
    found = cluster_texts(some_texts(), most=2)
    assert len(found) <= 2
    assert sorted(text_id for cluster in found for text_id in cluster.ids) == sorted(some_texts())


def test_hardly_any_text_is_no_trouble() -> None:
    assert cluster_texts({}) == ()
    assert cluster_texts({"a": "??"})[0].name == "no words"
    assert [cluster.size for cluster in cluster_texts({"a": "same", "b": "same"})] == [2]
