"""Prompts in use are kept fresh in the background, on a clock that the test moves."""

import gc
import os
import threading
import weakref

import httpx
import pytest

from kaizen_sdk import CTClient
from tests.sdk.scripted import Gate, ScriptedServer, problem

DOWN = httpx.ConnectError("refused")


def pass_time(clock, seconds):
    """Let time go by as it does for an idle application: the poll runs when it is due."""
    for _ in range(seconds):
        clock.advance(1)
        assert clock.wake()


def test_an_idle_client_has_the_new_prompt_within_fifteen_seconds(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        pass_time(clock, 100)
        server.number = 2
        pass_time(clock, 10)
        asked = len(server.requests)
        prompt = client.get_prompt("triage")
        assert (prompt.number, prompt.is_stale) == (2, False)
        assert len(server.requests) == asked


def test_a_prompt_in_use_never_looks_stale_while_the_server_answers(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        first = client.get_prompt("triage")
        for _ in range(60):
            pass_time(clock, 1)
            assert client.get_prompt("triage") is first
    assert len(server.requests) == 1 + 60 // 8
    assert {r.headers.get("If-None-Match") for r in server.requests[1:]} == {'"9-1"'}


def test_polling_ends_five_minutes_after_the_last_use_and_then_the_server_is_asked_first(
    clock, client_of
):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        pass_time(clock, 310)
        asked = len(server.requests)
        assert asked == 1 + 300 // 8
        pass_time(clock, 100)
        assert len(server.requests) == asked
        server.number = 2
        prompt = client.get_prompt("triage")
        assert (prompt.number, prompt.is_stale) == (2, False)
        pass_time(clock, 16)
    assert len(server.requests) == asked + 3


@pytest.mark.parametrize("seconds", [13, 100, 299, 100_000])
def test_what_nobody_polled_is_asked_for_before_it_is_served(seconds, clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.number = 2
        clock.advance(seconds)
        prompt = client.get_prompt("triage")
    assert (prompt.number, prompt.is_stale) == (2, False)


def test_a_client_that_asked_for_nothing_polls_nothing(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        assert not clock.wake(0.01)
        assert client.get_prompt("triage", fallback="Hello")
        assert client._prompts._refresher._thread.daemon
    assert len(server.requests) == 1


def test_a_closed_client_polls_no_more_and_its_thread_ends(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        thread = client._prompts._refresher._thread
        client.close()
        thread.join(5)
        assert not thread.is_alive()
        clock.advance(1000)
        assert not clock.wake(0.01)
    assert len(server.requests) == 1


def test_a_forgotten_client_polls_no_more(clock):
    client = CTClient("http://kaizen.test", "k", transport=ScriptedServer().transport, clock=clock)
    client.get_prompt("triage")
    thread, gone = client._prompts._refresher._thread, weakref.ref(client)
    del client
    gc.collect()
    thread.join(5)
    assert gone() is None
    assert not thread.is_alive()


@pytest.mark.parametrize("option", [{"cache_ttl_s": 0}, {"hard_ttl_s": 0}])
def test_polling_can_be_turned_off(option, clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock, **option) as client:
        client.get_prompt("triage")
        assert client._prompts._refresher._thread is None


def test_a_server_that_is_away_gets_one_question_each_ten_seconds_for_all_prompts(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        for number in range(20):
            client.get_prompt(f"task-{number}")
        server.answers = [DOWN] * 1000
        pass_time(clock, 100)
        assert len(server.requests) == 20 + 10
        prompts = [client.get_prompt(f"task-{number}") for number in range(20)]
        assert {(prompt.number, prompt.is_stale) for prompt in prompts} == {(1, True)}
        assert len(server.requests) == 20 + 10
        server.answers.clear()
        server.number = 2
        pass_time(clock, 10)
        assert {client.get_prompt(f"task-{number}").number for number in range(20)} == {2}


def test_callers_never_wait_for_a_server_that_polling_found_away(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [DOWN] * 1000
        for _ in range(400):
            pass_time(clock, 1)
            asked = len(server.requests)
            assert client.get_prompt("triage").number == 1
            assert len(server.requests) == asked


def test_one_prompt_that_the_server_fails_on_holds_up_no_other(clock, client_of):
    def fails_on_a(request):
        return problem(500) if "/a/" in request.url.path else server.healthy(request)

    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("a")
        client.get_prompt("b")
        server.answers = [fails_on_a] * 100
        server.number = 2
        pass_time(clock, 10)
        assert client.get_prompt("b").number == 2


def test_polling_heeds_retry_after(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [problem(429, "throttled", **{"Retry-After": "40"})]
        pass_time(clock, 8)
        assert len(server.requests) == 2
        pass_time(clock, 39)
        assert len(server.requests) == 2
        pass_time(clock, 1)
        assert len(server.requests) == 3


def test_a_prompt_that_is_gone_is_evicted_and_polled_no_more(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        server.answers = [problem(404, "no_active_version")]
        pass_time(clock, 30)
        assert len(server.requests) == 2
        server.answers = [DOWN]
        assert client.get_prompt("triage", fallback="Hello").is_fallback


def test_a_poll_and_a_caller_share_one_request(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        gate = Gate(server.healthy)
        server.answers, server.number = [gate], 2
        clock.advance(20)
        waking = threading.Thread(target=clock.wake)
        waking.start()
        assert gate.reached.wait(5)
        opening = threading.Timer(0.05, gate.opened.set)
        opening.start()
        assert client.get_prompt("triage").number == 2
        waking.join(5)
        opening.join(5)
    assert len(server.requests) == 2


def test_a_forked_child_asks_before_it_serves_what_its_parent_had_long_ago(clock, client_of):
    server = ScriptedServer()
    with client_of(server, clock=clock) as client:
        client.get_prompt("triage")
        child = os.fork()
        if child == 0:
            clock.advance(200)
            server.number = 2
            is_right = client.get_prompt("triage").number == 2
            os._exit(0 if is_right and client._prompts._refresher._thread.is_alive() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
