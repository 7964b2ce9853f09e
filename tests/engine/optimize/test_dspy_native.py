"""The native client against a real server on this machine."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import repeat

import pytest

from kaizen_engine.errors import ProviderRateLimited, ProviderRejected, ProviderUnavailable
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.states import StopReason, Verdict
from tests.engine.optimize.support import make_gateway, make_spec
from tests.servers.scripted_openai import ScriptedServer, Step, always, down, malformed, script

MESSAGES = (
    {"role": "system", "content": "Choose.\n\nAnswer with exactly one of: yes, no\n"},
    {"role": "user", "content": ""},
    {"role": "assistant", "content": "no"},
    {"role": "user", "content": "  {{braces}} and ünïcode \n"},
)
REQUEST = ChatRequest("demo", MESSAGES, 32)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def provider(server: ScriptedServer) -> Iterator[NativeProvider]:
    client = NativeProvider(server.base_url, "sk-secret")
    yield client
    client.close()


def test_the_wire_carries_the_messages_unchanged(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    response = provider.complete(REQUEST, timeout_s=5)
    (received,) = server.received
    assert received.messages_hash == REQUEST.messages_hash
    assert received.body == {
        "model": "demo",
        "messages": list(MESSAGES),
        "max_tokens": 32,
        "temperature": 0.0,
    }
    assert received.authorization == "Bearer sk-secret"
    assert response.text in ("yes", "no")
    assert response.input_tokens > 0
    assert response.output_tokens > 0


def test_pictures_and_parameters_reach_the_wire(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]
    request = ChatRequest(
        "demo",
        ({"role": "user", "content": content},),
        8,
        temperature=0.5,
        params={"top_p": 0.9, "stop": "\n", "seed": 7, "logit_bias": {"1": 2}},
    )
    provider.complete(request, timeout_s=5)
    body = server.received[0].body
    assert body["messages"] == list(request.messages)
    assert {**request.params, "stop": ["\n"]}.items() <= body.items()


def test_sound_is_refused_without_a_call(server: ScriptedServer, provider: NativeProvider) -> None:
    content = [{"type": "audio_url", "audio_url": {"url": "https://example.org/a.mp3"}}]
    request = replace(REQUEST, messages=({"role": "user", "content": content},))
    with pytest.raises(ProviderRejected):
        provider.complete(request, timeout_s=5)
    assert server.calls == 0


def test_a_429_carries_retry_after(server: ScriptedServer, provider: NativeProvider) -> None:
    server.policy = always(Step(status=429, retry_after=2.5))
    with pytest.raises(ProviderRateLimited) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert (caught.value.status, caught.value.retry_after) == (429, 2.5)
    assert not caught.value.billable


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_failing_server_is_unavailable_and_not_billed(
    status: int, server: ScriptedServer, provider: NativeProvider
) -> None:
    server.policy = always(Step(status=status))
    with pytest.raises(ProviderUnavailable) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert (caught.value.status, caught.value.billable) == (status, status in {502, 504})


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_refusal_is_not_worth_another_try(
    status: int, server: ScriptedServer, provider: NativeProvider
) -> None:
    server.policy = always(Step(status=status))
    with pytest.raises(ProviderRejected) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert caught.value.status == status
    assert not caught.value.retryable
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("step", [Step(is_truncated=True), Step(delay_s=0.4), Step(is_cut=True)])
def test_an_answer_lost_on_its_way_may_be_billed(
    step: Step, server: ScriptedServer, provider: NativeProvider
) -> None:
    server.policy = always(step)
    with pytest.raises(ProviderUnavailable) as caught:
        provider.complete(REQUEST, timeout_s=0.2)
    assert caught.value.billable


def test_a_refused_connection_is_not_billed(provider: NativeProvider) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    with pytest.raises(ProviderUnavailable) as caught:
        NativeProvider(address, "").complete(REQUEST, timeout_s=2)
    assert not caught.value.billable


@contextmanager
def raw_server(chunks: Iterable[bytes]) -> Iterator[str]:
    """Answer one request with headers and then these chunks, until the client has gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
                for chunk in chunks:
                    connection.sendall(chunk)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join(10)


def test_an_answer_that_trickles_in_ends_at_the_time_limit() -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "

    with raw_server(trickle()) as address:
        with pytest.raises(ProviderUnavailable, match="time limit") as caught:
            NativeProvider(address, "k").complete(REQUEST, timeout_s=0.2)
        assert caught.value.billable


def test_an_answer_of_endless_size_is_cut_off() -> None:
    with (
        raw_server(repeat(b" " * 65536)) as address,
        pytest.raises(ProviderUnavailable, match="10 MiB"),
    ):
        NativeProvider(address, "k").complete(REQUEST, timeout_s=20)


def test_a_server_that_does_not_count_is_charged_the_upper_bound(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    server.policy = always(Step(has_usage=False))
    response = provider.complete(REQUEST, timeout_s=5)
    assert response.input_tokens > sum(len(message["content"]) for message in MESSAGES)
    assert response.output_tokens == REQUEST.max_tokens


def test_connections_are_reused_by_many_threads(server: ScriptedServer) -> None:
    provider = NativeProvider(server.base_url, "k")
    requests = [replace(REQUEST, max_tokens=number) for number in range(8, 72)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda request: provider.complete(request, timeout_s=5), requests))
    sent = sorted(received.body["max_tokens"] for received in server.received)
    assert sent == list(range(8, 72))
    assert provider.connections <= 8
    provider.close()


def test_openai_itself_gets_its_newer_token_limit() -> None:
    for address, field in (
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://models.example.org/v1", "max_tokens"),
    ):
        assert NativeProvider(address, "k").token_limit_field == field


def test_a_job_over_http_ends_like_one_in_process(server: ScriptedServer) -> None:
    server.policy = script(Step(status=500), Step(status=429, retry_after=0.01), Step())
    provider = NativeProvider(server.base_url, "k")
    outcome = run_job(make_spec(), make_gateway(provider), NoEvents())
    assert outcome.verdict is Verdict.CONFIRMED
    hashes = {received.messages_hash for received in server.received}
    assert {row.messages_hash for event in outcome.evaluations for row in event.rows} <= hashes
    provider.close()


def test_an_outage_stops_the_job_and_scores_no_prompt(server: ScriptedServer) -> None:
    healthy = malformed(0.25)
    failing = down()
    server.policy = lambda number, request: (healthy if number < 150 else failing)(number, request)
    provider = NativeProvider(server.base_url, "k")
    outcome = run_job(make_spec(), make_gateway(provider), NoEvents())
    assert outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert all(trial.is_full and trial.score > 0.1 for trial in outcome.trials)
    provider.close()
