import json
import logging
import threading

import httpx
import pytest

from kaizen_sdk import KaizenError
from kaizen_sdk._delivery import Decision, Step, after_failure
from kaizen_sdk.errors import ConnectionFailed, InvalidRequest, RateLimited, ServerError
from kaizen_sdk.testing import FrozenClock
from tests.sdk.scripted import Gate, ScriptedServer, client_of, one_batch, problem, stored


def test_an_event_reaches_the_server_with_all_its_fields():
    server = ScriptedServer()
    with client_of(server) as client:
        event_id = client.log_feedback(
            "triage",
            {"text": "Wo ist mein Paket?"},
            "refund",
            score=0.0,
            thumb="down",
            comment="wrong",
            corrected_output="delivery",
            metrics={"tone": 0.5},
            metadata={"user": 7},
            origin="random",
            prompt_hash="a" * 64,
        )
        assert client.flush()
    assert server.events == [
        {
            "event_id": event_id,
            "task": "triage",
            "inputs": {"text": "Wo ist mein Paket?"},
            "output": "refund",
            "score": 0.0,
            "thumb": "down",
            "comment": "wrong",
            "corrected_output": "delivery",
            "metrics": {"tone": 0.5},
            "metadata": {"user": 7},
            "origin": "random",
            "prompt_hash": "a" * 64,
        }
    ]
    assert server.requests[0].headers["X-API-Key"] == "kz_secret"


def test_fields_that_were_not_given_are_not_sent():
    server = ScriptedServer()
    with client_of(server) as client:
        client.log_feedback("triage", {}, None, event_id="mine")
        client.flush()
    assert server.events == [{"event_id": "mine", "task": "triage", "inputs": {}, "output": None}]


def test_later_changes_by_the_application_are_not_sent():
    server = ScriptedServer()
    inputs = {"items": [{"name": "before"}]}
    with client_of(server) as client:
        client.log_feedback("triage", inputs, "x")
        inputs["items"][0]["name"] = "after"
        client.flush()
    assert server.events[0]["inputs"] == {"items": [{"name": "before"}]}


def test_what_waits_goes_out_in_batches_of_a_hundred_in_order():
    server = ScriptedServer()
    with client_of(server) as client:
        with one_batch(server, client):
            ids = [client.log_feedback("triage", {}, str(n)) for n in range(250)]
        assert client.flush()
    assert [len(batch) for batch in server.batches] == [1, 100, 100, 50]
    assert [event["event_id"] for event in server.events[1:]] == ids


def test_a_batch_stays_near_a_mebibyte():
    server = ScriptedServer()
    with client_of(server) as client:
        with one_batch(server, client):
            for _ in range(10):
                client.log_feedback("triage", {}, "x" * 250_000)
        assert client.flush()
    assert [len(batch) for batch in server.batches] == [1, 5, 5]


def test_500_then_ok_sends_the_same_event_ids_again():
    server = ScriptedServer(problem(500), problem(503))
    with client_of(server) as client:
        with one_batch(server, client):
            ids = [client.log_feedback("triage", {}, "x") for _ in range(3)]
        assert client.flush()
        stats = client.stats()
    sent = [[event["event_id"] for event in batch] for batch in server.batches[1:]]
    assert sent == [ids, ids, ids]
    assert (stats.delivered, stats.retries, stats.queued) == (4, 2, 0)


def test_429_is_tried_again_after_the_time_the_server_asked_for():
    server = ScriptedServer(problem(429, "throttled", **{"Retry-After": "7"}))
    clock = FrozenClock()
    with client_of(server, clock=clock) as client:
        client.log_feedback("triage", {}, "x")
        assert client.flush()
    assert clock.waits[-1] == 7.0
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("error", "tries", "low", "high"),
    [
        (ConnectionFailed("x"), 1, 0.0, 0.5),
        (ConnectionFailed("x"), 4, 0.0, 4.0),
        (ServerError("x", status=500), 3, 0.0, 2.0),
        (RateLimited("x", status=429, retry_after_s=600.0), 1, 60.0, 60.0),
    ],
)
def test_waits_grow_with_jitter_and_respect_the_server_up_to_a_minute(error, tries, low, high):
    decision = after_failure(error, tries=tries, items=1)
    assert decision.step is Step.RETRY
    assert low <= decision.delay_s <= high


def test_a_server_that_stays_away_keeps_its_events_and_gets_them_later():
    server = ScriptedServer(*[httpx.ConnectError("refused") for _ in range(12)])
    errors: list[KaizenError] = []
    clock = FrozenClock()
    with client_of(server, clock=clock, on_error=errors.append) as client:
        event_id = client.log_feedback("triage", {}, "x")
        assert client.flush()
        assert client.stats().delivered == 1
    assert [event["event_id"] for event in server.events] == [event_id] * 13
    assert sum(wait == pytest.approx(30.0) for wait in clock.waits) == 8
    assert isinstance(errors[0], ConnectionFailed)


def test_a_batch_the_server_fails_on_is_given_up_after_five_tries():
    server = ScriptedServer(*[problem(500) for _ in range(5)])
    with client_of(server) as client:
        client.log_feedback("triage", {}, "poison")
        client.flush()
        client.log_feedback("triage", {}, "fine")
        assert client.flush()
        stats = client.stats()
    assert len(server.requests) == 6
    assert stats.dropped == {"server_error": 1}
    assert stats.delivered == 1


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(401, "", "authentication_failed"), (403, "scope", "scope"), (404, "", "not_found")],
)
def test_a_permanent_refusal_is_dropped_counted_and_reported_once(status, code, reason, caplog):
    server = ScriptedServer(problem(status, code), problem(status, code))
    errors: list[KaizenError] = []
    with client_of(server, on_error=errors.append) as client, caplog.at_level(logging.WARNING):
        for _ in range(2):
            client.log_feedback("triage", {}, "x")
            client.flush()
        stats = client.stats()
    assert stats.dropped == {reason: 2}
    assert len(server.requests) == 2
    assert len(errors) == 1
    assert [record.name for record in caplog.records] == ["kaizen_sdk"]
    assert "kz_secret" not in caplog.text


def test_partial_success_is_settled_item_by_item():
    def answer(request: httpx.Request) -> httpx.Response:
        first, second, third, _ = json.loads(request.content)
        results = [
            {"event_id": first["event_id"], "status": 201},
            {"event_id": second["event_id"], "status": 400, "code": "unknown_task"},
            {"event_id": third["event_id"], "status": 503},
        ]
        return httpx.Response(200, json=results)

    server = ScriptedServer(answer)
    with client_of(server) as client:
        with one_batch(server, client):
            ids = [client.log_feedback("triage", {}, "x") for _ in range(4)]
        assert client.flush()
        stats = client.stats()
    assert [event["event_id"] for event in server.batches[2]] == [ids[2]]
    assert stats.delivered == 3
    assert stats.rejected == {"unknown_task": 1, "unanswered": 1}
    assert stats.queued == 0


def test_one_event_that_spoils_its_batch_does_not_take_the_others_along():
    def refuse_poison(request: httpx.Request) -> httpx.Response:
        is_spoilt = any(event["output"] == "poison" for event in json.loads(request.content))
        return problem(400, "bad_json") if is_spoilt else stored(request)

    server = ScriptedServer(*[refuse_poison] * 20)
    with client_of(server) as client:
        with one_batch(server, client):
            for number in range(8):
                client.log_feedback("triage", {}, "poison" if number == 5 else "fine")
        assert client.flush()
        stats = client.stats()
    assert stats.delivered == 8
    assert stats.dropped == {"bad_json": 1}


def test_an_answer_that_is_no_list_counts_as_a_failing_server():
    server = ScriptedServer(httpx.Response(200, text="<html>log in</html>"))
    with client_of(server) as client:
        client.log_feedback("triage", {}, "x")
        assert client.flush()
        assert client.stats().delivered == 1


def test_a_transport_that_raises_anything_does_not_end_the_thread():
    server = ScriptedServer(RuntimeError("broken"))
    with client_of(server) as client:
        client.log_feedback("triage", {}, "lost")
        client.flush()
        client.log_feedback("triage", {}, "fine")
        assert client.flush()
        stats = client.stats()
    assert (stats.delivered, stats.dropped) == (1, {"error": 1})


def test_a_hook_that_raises_does_not_end_the_thread():
    def broken(error: KaizenError) -> None:
        raise ValueError("the hook is broken")

    server = ScriptedServer(problem(401))
    with client_of(server, on_error=broken) as client:
        client.log_feedback("triage", {}, "x")
        client.flush()
        client.log_feedback("triage", {}, "x")
        assert client.flush()
        assert client.stats().delivered == 1


def test_a_hook_may_log_feedback_and_flush_without_waiting_for_itself():
    server = ScriptedServer(problem(401))
    flushed: list[bool] = []

    def log_again(error: KaizenError) -> None:
        client.log_feedback("errors", {}, str(error))
        flushed.append(client.flush(5))

    with client_of(server, on_error=log_again) as client:
        client.log_feedback("triage", {}, "x")
        client.flush()
        assert client.flush()
        assert client.stats().delivered == 1
    assert flushed == [False]


def test_flush_says_no_when_the_time_is_not_enough():
    gate = Gate(stored)
    with client_of(ScriptedServer(gate)) as client:
        client.log_feedback("triage", {}, "x")
        assert client.flush(0.02) is False
        gate.opened.set()
        assert client.flush() is True


def test_flush_with_nothing_logged_is_true_at_once():
    with client_of(ScriptedServer()) as client:
        assert client.flush(0) is True


def test_many_threads_lose_and_double_nothing():
    server = ScriptedServer(problem(503), httpx.ReadTimeout("slow"))
    with client_of(server) as client:

        def log() -> None:
            for number in range(200):
                client.log_feedback("triage", {"n": number}, "x")

        threads = [threading.Thread(target=log) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush()
        assert client.stats().delivered == 1600
    assert len({event["event_id"] for event in server.events}) == 1600


def test_a_halved_batch_of_one_is_dropped():
    error = InvalidRequest("x", status=422)
    assert after_failure(error, tries=1, items=1) == Decision(Step.DROP)
    assert after_failure(error, tries=1, items=2) == Decision(Step.SPLIT)
