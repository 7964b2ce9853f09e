"""Feedback as it comes over the wire: what is decoded, and what is refused by which name."""

import json

import pytest
from rest_framework.exceptions import ParseError

from feedback_app import wire
from feedback_app.exceptions import TooLarge
from feedback_app.wire import FeedbackItem, RefusedItem, decode_batch, decode_item
from projects_app.exceptions import InvalidInput

ITEM = {"task": "triage", "inputs": {"text": "hi"}, "output": "billing", "event_id": "e1"}


def encoded(**changes) -> bytes:
    return json.dumps({**ITEM, **changes}).encode()


def deep(levels):
    return {"text": json.loads("[" * levels + "]" * levels)}


def test_the_smallest_item_has_four_fields():
    item = decode_item(encoded())
    assert (item.task, item.inputs, item.output) == ("triage", {"text": "hi"}, "billing")
    assert (item.score, item.thumb, item.origin) == (None, None, None)


def test_null_is_as_good_as_absent():
    absent = decode_item(encoded())
    spelled = dict.fromkeys(set(FeedbackItem.__struct_fields__) - set(ITEM))
    assert decode_item(encoded(**spelled)) == absent
    assert decode_item(encoded(**spelled)).content_hash == absent.content_hash


@pytest.mark.parametrize("score", [0, 1, 0.5])
def test_a_score_lies_between_0_and_1(score):
    assert decode_item(encoded(score=score)).score == score


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"score": 1.01}, "score"),
        ({"score": -0.01}, "score"),
        ({"score": True}, "score"),
        ({"score": "0.5"}, "score"),
        ({"thumb": 1}, "thumb"),
        ({"thumb": "up"}, "thumb"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 65}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"task": ""}, "task"),
        ({"task": "x" * 81}, "task"),
        ({"inputs": "text"}, "inputs"),
        ({"inputs": None}, "inputs"),
        ({"metrics": {"speed": "fast"}}, "metrics[...]"),
        ({"metadata": []}, "metadata"),
        ({"origin": "elsewhere"}, "origin"),
        ({"prompt_hash": "abc"}, "prompt_hash"),
        ({"prompt_hash": "a" * 64 + "\n"}, "prompt_hash"),
        ({"rating": 5}, "rating"),
        ({"inputs": deep(70)}, "inputs"),
        ({"inputs": {"text": "a\0b"}}, "inputs"),
        ({"inputs": {"a\0b": "text"}}, "inputs"),
        ({"comment": "a\0b"}, "comment"),
        ({"event_id": "a\0b"}, "event_id"),
        ({"inputs": {"text": "x" * (256 * 1024)}}, "inputs"),
        ({"comment": "ü" * (128 * 1024)}, "comment"),
    ],
)
def test_a_refused_value_names_its_field(changes, field):
    with pytest.raises(InvalidInput) as refusal:
        decode_item(encoded(**changes))
    assert list(refusal.value.errors) == [field]


@pytest.mark.parametrize("field", ITEM)
def test_a_missing_field_is_named(field):
    body = json.dumps({name: value for name, value in ITEM.items() if name != field}).encode()
    with pytest.raises(InvalidInput) as refusal:
        decode_item(body)
    assert list(refusal.value.errors) == [field]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        encoded()[:-1] + b',"score":NaN}',
        encoded()[:-1] + b',"score":Infinity}',
        encoded()[:-1] + b',"comment":"\\ud800"}',
        encoded() + b"trailing",
        encoded()[:-1] + b',"metadata":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}",
    ],
)
def test_what_is_no_strict_json_is_malformed(body):
    with pytest.raises(ParseError):
        decode_item(body)
    with pytest.raises(ParseError):
        decode_batch(b"[" + body + b"]" if body else body)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5000])
def test_a_number_no_store_can_hold_is_refused(number):
    with pytest.raises(InvalidInput):
        decode_item(encoded()[:-1] + b',"metadata":{"n":' + number + b"}}")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"'])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(InvalidInput):
        decode_item(body)


def test_a_body_over_the_limit_is_too_large():
    with pytest.raises(TooLarge):
        decode_item(b" " * (wire.MAX_BODY_BYTES + 1))
    with pytest.raises(TooLarge):
        decode_batch(b" " * (wire.MAX_BATCH_BYTES + 1))


def test_a_batch_has_at_most_500_items_good_or_bad():
    assert len(decode_batch(b"[" + b",".join([encoded()] * 500) + b"]")) == 500
    for one in (encoded(), b"{}"):
        with pytest.raises(TooLarge):
            decode_batch(b"[" + b",".join([one] * 501) + b"]")


def test_bad_items_of_a_batch_leave_their_neighbours_alone():
    bodies = [encoded(event_id="a"), encoded(event_id="b", score=2), b"7", b'{"event_id": 1}']
    bodies.append(encoded(event_id="c", inputs={"text": "x\0"}))
    items = decode_batch(b"[" + b",".join(bodies) + b"]")
    assert [type(item) for item in items] == [FeedbackItem, *[RefusedItem] * 4]
    assert [item.event_id for item in items] == ["a", "b", "", "", "c"]


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"items": []}'])
def test_a_batch_is_a_list(body):
    with pytest.raises(InvalidInput):
        decode_batch(body)


def test_the_content_hash_knows_every_field_and_no_order():
    turned = json.dumps(dict(reversed(ITEM.items()))).encode()
    first = decode_item(encoded()).content_hash
    assert decode_item(turned).content_hash == first
    for changes in ({"comment": "no"}, {"score": 0}, {"thumb": False}, {"inputs": {"text": "ho"}}):
        assert decode_item(encoded(**changes)).content_hash != first
