"""The gateway with the real client against a server that misbehaves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Tuning
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.states import StopReason
from tests.engine.llm.doubles import Stage, ask
from tests.servers.scripted_openai import (
    Policy,
    ScriptedServer,
    Step,
    always,
    down,
    malformed,
    script,
    varying,
)

FAST = Tuning(backoff_s=0.01, patience_s=5)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def provider(server: ScriptedServer) -> Iterator[NativeProvider]:
    provider = NativeProvider(server.base_url, "secret")
    yield provider
    provider.close()


def scene_of(
    server: ScriptedServer, provider: NativeProvider, policy: Policy, budget: Budget | None = None
) -> Stage:
    server.policy = policy
    return Stage(provider, SystemClock(), budget or Budget(), tuning=FAST)


def request(text: str = "hello", max_tokens: int = 50) -> ChatRequest:
    return replace(ask(text, max_tokens=max_tokens))


def test_the_hash_on_the_wire_is_the_hash_in_the_journal(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, always())
    scene.gateway().complete(request("grüß dich 🙂"), role="student")
    (received,) = server.received
    assert received.messages_hash == scene.journal.records[0].messages_hash
    assert received.authorization == "Bearer secret"


def test_retry_after_is_waited_for(server: ScriptedServer, provider: NativeProvider) -> None:
    policy = script(Step(status=429, retry_after=1), Step(status=503, retry_after=1))
    scene = scene_of(server, provider, policy)
    scene.gateway().complete(request(), role="student")
    times = [received.at for received in server.received]
    assert [received.status for received in server.received] == [429, 503, 200]
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[1:], strict=False))


def test_a_burst_of_500_is_survived_and_free(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, script(*[Step(status=500)] * 5))
    scene.gateway().complete(request(), role="student")
    assert server.calls == 6
    assert scene.lost == []
    assert scene.breaker.state("acme") == "closed"


def test_a_truncated_answer_is_paid_for_and_tried_again(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, script(Step(is_truncated=True)))
    scene.gateway().complete(request(), role="student")
    assert server.calls == 2
    assert len(scene.lost) == 1


def test_a_slow_answer_is_cut_off_and_counts_as_paid(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    class Hurried:
        def complete(self, request: ChatRequest, *, timeout_s: float) -> object:
            return provider.complete(request, timeout_s=0.2)

    scene = scene_of(server, provider, script(Step(delay_s=0.6)))
    scene.provider = Hurried()
    scene.gateway().complete(request(), role="student")
    assert len(scene.lost) == 1


def test_malformed_text_is_data_and_not_an_error(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, malformed(0.25, text="???"))
    gateway = scene.gateway()
    texts = [gateway.complete(request(str(n)), role="student").text for n in range(60)]
    assert 5 <= texts.count("???") <= 25
    assert server.calls == 60


def test_an_outage_opens_the_breaker_and_one_probe_closes_it(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, down())
    scene.breaker = LocalBreaker(threshold=3, reset_s=0.5, clock=scene.clock)
    with pytest.raises(JobAbort) as abort:
        scene.gateway().complete(request(), role="student")
    assert abort.value.reason is StopReason.PROVIDER_DOWN
    calls = server.calls
    later = Stage(provider, scene.clock, tuning=FAST)
    later.breaker = scene.breaker
    with pytest.raises(JobAbort):
        later.gateway().complete(request(), role="student")
    assert server.calls == calls == 9
    server.policy = always()
    scene.clock.sleep(0.5)
    recovered = Stage(provider, scene.clock, tuning=FAST)
    recovered.breaker = scene.breaker
    recovered.gateway().complete(request(), role="student")
    assert (server.calls, scene.breaker.state("acme")) == (10, "closed")


def test_a_refused_connection_is_an_outage_too(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    with ScriptedServer() as gone:
        address = gone.base_url
    elsewhere = NativeProvider(address, "")
    scene = Stage(elsewhere, SystemClock(), tuning=FAST)
    with pytest.raises(JobAbort, match="provider_down"):
        scene.gateway().complete(request(), role="student")
    assert scene.lost == []
    elsewhere.close()


def test_a_wrong_key_ends_the_job_after_one_call(
    server: ScriptedServer, provider: NativeProvider
) -> None:
    scene = scene_of(server, provider, always(Step(status=401)))
    with pytest.raises(JobAbort) as abort:
        scene.gateway().complete(request(), role="student")
    assert abort.value.reason is StopReason.ERROR
    assert server.calls == 1


@pytest.mark.parametrize("threads", [1, 16])
@pytest.mark.parametrize("budget", [Budget(usd=Decimal("0.02")), Budget(tokens=12_000)])
def test_no_cap_is_passed_by_what_the_server_billed(
    server: ScriptedServer, provider: NativeProvider, threads: int, budget: Budget
) -> None:
    scene = scene_of(server, provider, varying(), budget)
    gateway = scene.gateway()

    def work(number: int) -> bool:
        try:
            gateway.complete(request(str(number), 400), role="student")
        except JobAbort:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        answered = sum(pool.map(work, range(120)))
    spent = scene.meter.spent
    assert 0 < answered < 120
    assert server.calls == answered == spent.calls
    assert spent.usd <= (budget.usd or spent.usd)
    assert spent.tokens <= (budget.tokens or spent.tokens)
