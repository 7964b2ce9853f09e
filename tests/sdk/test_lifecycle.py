import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path

import httpx
import pytest

from kaizen_sdk import CTClient, SystemClock
from tests.sdk.scripted import Gate, ScriptedServer, client_of, stored

SDK_SOURCE = str(Path(__file__).parents[2] / "sdk" / "src")


def run_script(script: str, url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KAIZEN_URL": url, "KAIZEN_API_KEY": "kz_x"} | variables
    environment["PYTHONPATH"] = SDK_SOURCE
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=30, check=True
    )


def test_feedback_still_waiting_is_delivered_when_the_process_ends(http_server):
    script = """
        from kaizen_sdk import CTClient
        client = CTClient()
        for number in range(7):
            client.log_feedback("triage", {"n": number}, "x")
    """
    run_script(script, http_server.url)
    assert [event["inputs"]["n"] for event in http_server.events] == list(range(7))


def test_an_uncaught_exception_loses_no_feedback(http_server):
    script = """
        import sys
        from kaizen_sdk import CTClient
        CLIENT = CTClient()
        CLIENT.log_feedback("triage", {}, "last words")
        sys.excepthook = lambda *_: None
        try:
            raise RuntimeError
        finally:
            sys.exit(0)
    """
    run_script(script, http_server.url)
    assert [event["output"] for event in http_server.events] == ["last words"]


def test_a_process_ends_in_time_while_the_server_is_away():
    script = """
        from kaizen_sdk import CTClient
        client = CTClient()
        client.log_feedback("triage", {}, "x")
    """
    started = time.monotonic()
    run_script(script, "http://127.0.0.1:9")
    assert time.monotonic() - started < 15


def test_a_forked_child_sends_its_own_events_and_not_its_parents(http_server):
    script = """
        import os
        from kaizen_sdk import CTClient
        client = CTClient()
        ids = [client.log_feedback("triage", {}, "parent before")]
        child = os.fork()
        if child == 0:
            client.log_feedback("triage", {}, "child")
            os._exit(0 if client.flush(5) and client.stats().delivered == 1 else 1)
        client.log_feedback("triage", {}, "parent after")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """
    run_script(script, http_server.url)
    outputs = sorted(event["output"] for event in http_server.events)
    assert outputs == ["child", "parent after", "parent before"]
    assert len({event["event_id"] for event in http_server.events}) == 3


@pytest.mark.slow
def test_a_fork_during_a_request_and_under_held_locks_leaves_the_child_working(http_server):
    script = """
        import os, threading
        from kaizen_sdk import CTClient
        client = CTClient()
        stop = threading.Event()
        def log():
            while not stop.wait(0.0001):
                client.log_feedback("triage", {}, "parent")
        threads = [threading.Thread(target=log, daemon=True) for _ in range(3)]
        [t.start() for t in threads]
        for _ in range(5):
            child = os.fork()
            if child == 0:
                client.log_feedback("triage", {}, "child")
                os._exit(0 if client.flush(10) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop.set()
        [t.join() for t in threads]
        client.flush(10)
    """
    run_script(script, http_server.url)
    assert sum(event["output"] == "child" for event in http_server.events) == 5


def test_a_child_of_a_client_with_a_fresh_prompt_serves_it_without_asking(monkeypatch):
    server = ScriptedServer()
    with client_of(server) as client:
        client.get_prompt("triage")
        child = os.fork()
        if child == 0:
            os._exit(0 if client.get_prompt("triage").number == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(server.requests) == 1


def test_close_during_an_outage_returns_in_time_and_counts_what_is_lost():
    server = ScriptedServer(*[httpx.ConnectError("refused") for _ in range(1000)])
    with client_of(server, clock=SystemClock()) as client:
        for _ in range(150):
            client.log_feedback("triage", {}, "x")
        client.close(0.2)
        client.flush(1)
        assert client.stats().dropped == {"closed": 150}


def test_close_does_not_wait_for_a_server_that_hangs():
    gate = Gate(stored)
    with client_of(ScriptedServer(gate)) as client:
        client.log_feedback("triage", {}, "held")
        assert gate.reached.wait(5)
        client.log_feedback("triage", {}, "waiting")
        client.close(0.02)
        assert client.stats().dropped == {"closed": 1}
        gate.opened.set()


def test_the_context_manager_delivers_and_closes():
    server = ScriptedServer()
    with CTClient("http://kaizen.test", "k", transport=server.transport) as client:
        client.log_feedback("triage", {}, "x")
    assert len(server.events) == 1


def test_no_thread_runs_before_the_first_event():
    before = threading.active_count()
    with client_of(ScriptedServer()):
        assert threading.active_count() == before


def test_a_forgotten_client_is_collected_and_its_events_still_leave():
    server = ScriptedServer()
    client = CTClient("http://kaizen.test", "k", transport=server.transport)
    client.log_feedback("triage", {}, "x")
    sender = client._sender._thread
    gone = weakref.ref(client)
    del client
    gc.collect()
    sender.join(30)
    assert gone() is None
    assert len(server.events) == 1


def test_logging_inside_a_signal_handler_does_not_lock_up():
    server = ScriptedServer()
    with client_of(server) as client:

        def handler(*_: object) -> None:
            client.log_feedback("triage", {}, "signal")

        previous = signal.signal(signal.SIGVTALRM, handler)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
        try:
            for _ in range(3000):
                client.log_feedback("triage", {}, "main")
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, previous)
        assert client.flush()
        assert client.stats().queued == 0
