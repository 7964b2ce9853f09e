import logging
import math
import uuid
from datetime import UTC, datetime

import pytest

from kaizen_sdk._events import MAX_EVENT_BYTES, EventIds, encode_event, snapshot
from kaizen_sdk.errors import FeedbackDropped
from tests.sdk.scripted import ScriptedServer, client_of, one_batch


def test_a_full_queue_drops_the_newest_and_counts():
    server = ScriptedServer()
    with client_of(server, max_queue=3) as client:
        with one_batch(server, client):
            for number in range(5):
                client.log_feedback("triage", {}, str(number))
            assert client.stats().dropped == {"queue_full": 2}
        assert client.flush()
    assert [event["output"] for event in server.events] == ["held", "0", "1", "2"]


def test_a_full_queue_is_reported_once():
    errors = []
    server = ScriptedServer()
    with client_of(server, max_queue=1, on_error=errors.append) as client:
        with one_batch(server, client):
            for _ in range(4):
                client.log_feedback("triage", {}, "x")
        client.flush()
    assert [(error.reason, error.count) for error in errors] == [("queue_full", 3)]


def test_the_queue_is_bounded_by_bytes_too():
    server = ScriptedServer()
    with client_of(server, max_queue_bytes=10_000) as client:
        with one_batch(server, client):
            for _ in range(3):
                client.log_feedback("triage", {"text": "ü" * 1200}, "x")
            assert client.stats().dropped == {"queue_full": 1}
        assert client.flush()
        client.log_feedback("triage", {}, "room again")
        assert client.flush()
    assert server.events[-1]["output"] == "room again"


class Opaque:
    def __str__(self) -> str:
        raise ValueError("I have no name")

    __repr__ = __str__


CYCLE: dict = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": math.nan},
        {"x": math.inf},
        {"x": Opaque()},
        {"x": datetime(2026, 1, 1, tzinfo=UTC)},
        {"x": "\ud800"},
        {("a", "b"): 1},
        {"x": {1, 2}},
        {"x": 10**5000},
        CYCLE,
        Opaque(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_that_is_no_json_is_dropped_alone_and_never_raises(inputs):
    server = ScriptedServer()
    with client_of(server) as client:
        client.log_feedback("triage", inputs, "bad")
        client.log_feedback("triage", {}, "good")
        assert client.flush()
        stats = client.stats()
    assert [event["output"] for event in server.events] == ["good"]
    assert stats.dropped == {"unserialisable": 1}
    assert stats.queued == 0


def test_a_nul_character_is_left_to_the_server_to_refuse():
    server = ScriptedServer()
    with client_of(server) as client:
        client.log_feedback("triage", {"x": "\x00"}, "x")
        assert client.flush()
    assert server.events[0]["inputs"] == {"x": "\x00"}


def test_too_large_an_event_gives_up_metadata_and_comment_first():
    event = {"event_id": "e", "inputs": {"text": "x"}, "output": "y", "task": "t"}
    big = encode_event(event | {"metadata": {"log": "z" * 300_000}, "comment": "c" * 5000})
    assert b'"metadata":{"kaizen_truncated":true}' in big
    assert "truncated by kaizen-sdk" in big.decode()
    assert len(big) < MAX_EVENT_BYTES


def test_too_large_an_input_is_dropped_and_never_cut():
    errors = []
    server = ScriptedServer()
    with client_of(server, on_error=errors.append) as client:
        client.log_feedback("triage", {"text": "x" * 300_000}, "x")
        client.flush()
        assert client.stats().dropped == {"too_large": 1}
    assert server.requests == []
    assert isinstance(errors[0], FeedbackDropped)


def test_a_snapshot_copies_containers_of_every_kind():
    source = {"a": [1, {"b": (2, 3)}], "c": "text"}
    copy, size = snapshot(source)
    source["a"][1]["b"] = None
    assert copy == {"a": [1, {"b": [2, 3]}], "c": "text"}
    assert size > 0


def test_event_ids_read_as_uuids_and_differ_between_sources():
    first, second = EventIds(), EventIds()
    ids = [first() for _ in range(1000)] + [second() for _ in range(1000)]
    assert len(set(ids)) == 2000
    assert all(uuid.UUID(event_id).hex == event_id for event_id in ids)


def test_a_closed_client_refuses_counts_and_does_not_hang(caplog):
    server = ScriptedServer()
    with client_of(server) as client:
        client.log_feedback("triage", {}, "before")
        client.close()
        with caplog.at_level(logging.WARNING):
            event_ids = [client.log_feedback("triage", {}, "after") for _ in range(3)]
        client.close()
        assert client.flush(0.1)
        stats = client.stats()
    assert all(event_ids)
    assert [event["output"] for event in server.events] == ["before"]
    assert (stats.delivered, stats.dropped) == (1, {"closed": 3})
    assert len(caplog.records) == 1
