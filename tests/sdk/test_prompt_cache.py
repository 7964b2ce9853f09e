"""Each rule of the cache, on a clock that the test moves."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kaizen_sdk import (
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    ConnectionFailed,
    NotFound,
    PromptNotFound,
    PromptUnavailable,
    ServerError,
)
from tests.sdk.scripted import Gate, ScriptedServer, problem, prompt_answer

DOWN = httpx.ConnectError("refused")


def settle(client):
    """Wait for the refresh in flight."""
    for flight in client._prompts.flights.all():
        flight.landing.result(5)


def test_a_first_call_asks_the_server_with_the_tag_and_the_key(client_of):
    server = ScriptedServer()
    with client_of(server) as client:
        prompt = client.get_prompt("a task/1", tag="staging")
    request = server.requests[0]
    assert request.url.raw_path == b"/api/v1/tasks/a%20task%2F1/prompt?tag=staging"
    assert request.headers["X-API-Key"] == "kz_secret"
    assert (prompt.version, prompt.number, prompt.hash) == ("version-1", 1, "1" * 64)
    assert not prompt.is_stale
    assert not prompt.is_fallback


def test_a_fresh_prompt_is_served_from_memory(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        first = client.get_prompt("triage")
        clock.advance(9.9)
        assert client.get_prompt("triage") is first
    assert len(server.requests) == 1


def test_an_older_prompt_is_served_stale_while_one_refresh_runs(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        gate = Gate(server.healthy)
        server.answers, server.number = [gate], 2
        clock.advance(10.1)
        during = [client.get_prompt("triage") for _ in range(5)]
        assert gate.reached.wait(5)
        gate.opened.set()
        settle(client)
        after = client.get_prompt("triage")
    assert {(prompt.number, prompt.is_stale) for prompt in during} == {(1, True)}
    assert (after.number, after.is_stale) == (2, False)
    assert len(server.requests) == 2


def test_a_refresh_sends_the_etag_and_304_keeps_the_same_object(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        first = client.get_prompt("triage")
        clock.advance(11)
        client.get_prompt("triage")
        settle(client)
        assert client.get_prompt("triage") is first
    assert server.requests[1].headers["If-None-Match"] == '"9-1"'


def test_the_last_good_prompt_is_served_without_limit_while_the_server_is_away(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [DOWN] * 1000
        for _ in range(20):
            clock.advance(86_400)
            prompt = client.get_prompt("triage")
            assert (prompt.number, prompt.is_stale) == (1, True)
            settle(client)
        server.answers.clear()
        clock.advance(86_400)
        assert client.get_prompt("triage").is_stale is False


def test_a_failed_refresh_is_not_repeated_before_the_freshness_time(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [problem(503), problem(503)]
        for seconds in (11, 1, 8):
            clock.advance(seconds)
            client.get_prompt("triage")
            settle(client)
        assert len(server.requests) == 2
        clock.advance(2)
        client.get_prompt("triage")
        settle(client)
        assert len(server.requests) == 3


def test_a_server_that_asks_for_patience_gets_it(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [problem(429, "throttled", **{"Retry-After": "40"})]
        for seconds in (11, 30):
            clock.advance(seconds)
            client.get_prompt("triage")
            settle(client)
        assert len(server.requests) == 2
        clock.advance(11)
        client.get_prompt("triage")
        settle(client)
        assert len(server.requests) == 3


def test_after_the_hard_ttl_the_server_is_asked_before_anything_is_served(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.number = 2
        clock.advance(300.1)
        prompt = client.get_prompt("triage")
    assert (prompt.number, prompt.is_stale) == (2, False)


def test_after_the_hard_ttl_an_error_serves_stale_and_the_next_call_does_not_wait(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        clock.advance(301)
        server.answers = [DOWN]
        assert client.get_prompt("triage").is_stale
        gate = Gate(server.healthy)
        server.answers = [gate]
        clock.advance(11)
        assert client.get_prompt("triage").is_stale
        gate.opened.set()
        settle(client)
        assert not client.get_prompt("triage").is_stale


def test_a_404_on_refresh_evicts(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        clock.advance(11)
        server.answers = [problem(404, "no_active_version")]
        client.get_prompt("triage")
        settle(client)
        with pytest.raises(PromptNotFound):
            client.get_prompt("triage")
        assert client.get_prompt("triage", fallback="Hello").is_fallback


def test_a_404_after_the_hard_ttl_gives_the_fallback_of_that_very_call(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage", fallback="Hello")
        clock.advance(301)
        server.answers = [problem(404, "unknown_task")]
        assert client.get_prompt("triage", fallback="Hello").is_fallback


@pytest.mark.parametrize("code", ["no_active_version", "unknown_task"])
def test_nothing_there_and_no_fallback_raises_what_the_server_said(code, client_of):
    with (
        client_of(ScriptedServer(problem(404, code))) as client,
        pytest.raises(PromptNotFound) as caught,
    ):
        client.get_prompt("triage")
    assert caught.value.code == code
    assert caught.value.request_id == "r-1"
    assert isinstance(caught.value, NotFound)
    assert isinstance(caught.value, PromptUnavailable)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (DOWN, ConnectionFailed),
        (problem(500), ServerError),
        (httpx.Response(200, text="<html>"), ServerError),
        (httpx.Response(200, json={"version": "x"}), ServerError),
        (httpx.Response(302, headers={"Location": "/login"}), ServerError),
    ],
)
def test_a_failing_server_and_no_fallback_raises_with_the_cause(answer, cause, client_of):
    with (
        client_of(ScriptedServer(answer)) as client,
        pytest.raises(PromptUnavailable) as caught,
    ):
        client.get_prompt("triage")
    assert isinstance(caught.value.__cause__, cause)


def test_a_wrong_key_is_told_apart(client_of):
    with (
        client_of(ScriptedServer(problem(401, "invalid_key"))) as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.get_prompt("triage")
    assert caught.value.code == "invalid_key"


@pytest.mark.parametrize("answer", [DOWN, problem(500), problem(404), problem(401)])
def test_with_nothing_cached_every_failure_gives_the_fallback(answer, client_of):
    with client_of(ScriptedServer(answer)) as client:
        prompt = client.get_prompt("triage", fallback="Answer: {{text}}")
    assert prompt.is_fallback
    assert prompt.render(text="hi") == [{"role": "user", "content": "Answer: hi"}]


def test_a_miss_is_remembered_for_a_second_only(clock, client_of):
    server = ScriptedServer(DOWN)
    with client_of(server, clock=clock) as client:
        for _ in range(3):
            with pytest.raises(PromptUnavailable):
                client.get_prompt("triage")
        assert len(server.requests) == 1
        clock.advance(1.1)
        assert client.get_prompt("triage").number == 1


def test_a_known_outage_does_not_make_callers_with_a_fallback_wait(clock, client_of):
    server = ScriptedServer(DOWN)
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage", fallback="Hello")
        gate = Gate(server.healthy)
        server.answers = [gate]
        clock.advance(1.1)
        assert client.get_prompt("triage", fallback="Hello").is_fallback
        gate.opened.set()
        settle(client)
        assert not client.get_prompt("triage", fallback="Hello").is_fallback


def test_a_broken_fallback_shows_on_the_first_call_even_when_it_is_not_needed(client_of):
    with client_of(ScriptedServer()) as client, pytest.raises(ConfigurationError):
        client.get_prompt("triage", fallback={"system": "no template"})


def test_a_freshness_time_of_zero_asks_every_time(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock, cache_ttl_s=0) as client:
        numbers = []
        for number in (1, 2, 3):
            server.number = number
            numbers.append(client.get_prompt("triage"))
        server.answers = [DOWN]
        stale = client.get_prompt("triage")
    assert [(prompt.number, prompt.is_stale) for prompt in numbers] == [
        (1, False),
        (2, False),
        (3, False),
    ]
    assert (stale.number, stale.is_stale) == (3, True)


def test_threads_that_miss_together_ask_once(client_of):
    server = ScriptedServer()
    gate = Gate(server.healthy)
    server.answers = [gate]
    with client_of(server) as client, ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.get_prompt, "triage") for _ in range(8)]
        assert gate.reached.wait(5)
        gate.opened.set()
        assert {call.result(5).number for call in calls} == {1}
    assert len(server.requests) == 1


def test_tasks_and_tags_are_kept_apart(client_of):
    server = ScriptedServer(prompt_answer(1), prompt_answer(2), prompt_answer(3))
    with client_of(server) as client:
        numbers = [
            client.get_prompt(task, tag=tag).number
            for task, tag in [("a", "x"), ("a", "y"), ("ax", "y"), ("a", "x")]
        ]
    assert numbers == [1, 2, 3, 1]


def test_the_cache_is_bounded_and_lets_the_oldest_go(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        for number in range(1001):
            clock.advance(0.001)
            client.get_prompt(f"task-{number}")
        assert len(client._entries) == 1000
        client.get_prompt("task-1")
        assert len(server.requests) == 1001
        client.get_prompt("task-0")
        assert len(server.requests) == 1002


def test_a_closed_client_serves_what_it_has_and_asks_nobody(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        client.close()
        clock.advance(1000)
        assert client.get_prompt("triage").is_stale
        assert client.get_prompt("other", fallback="Hello").is_fallback
        with pytest.raises(ClientClosed):
            client.get_prompt("other")
    assert len(server.requests) == 1


def test_a_failed_refresh_is_reported_once_a_minute(clock, caplog, client_of):
    errors = []
    server = ScriptedServer()
    with client_of(server, clock=clock, on_error=errors.append) as client:
        client.get_prompt("triage")
        server.answers = [DOWN] * 10
        for _ in range(5):
            clock.advance(11)
            client.get_prompt("triage")
            settle(client)
        assert len(errors) == 1
        clock.advance(20)
        client.get_prompt("triage")
        settle(client)
    assert len(errors) == 2
    assert "kz_secret" not in caplog.text


def test_readers_and_refreshes_from_many_threads_agree(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock, cache_ttl_s=0.5) as client:
        client.get_prompt("triage")
        stop = threading.Event()

        def read() -> bool:
            while not stop.is_set():
                assert client.get_prompt("triage").number >= 1
            return True

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read) for _ in range(4)]
            for number in range(2, 8):
                server.number = number
                clock.advance(0.6)
                client.get_prompt("triage")
                settle(client)
            stop.set()
            assert all(reader.result(5) for reader in readers)
        assert client.get_prompt("triage").number == 7
