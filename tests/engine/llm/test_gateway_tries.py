from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from kaizen_engine.clock import FrozenClock
from kaizen_engine.errors import (
    JobAbort,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.pricing import tokens_upper_bound
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.states import StopReason
from tests.engine.llm.doubles import ScriptedProvider, Stage, VaryingProvider, ask, stage

DOWN = ProviderUnavailable("503", status=503)


def limited(retry_after: float | None = None) -> ProviderRateLimited:
    return ProviderRateLimited("slow down", status=429, retry_after=retry_after)


def abort_of(scene: Stage, text: str = "hello") -> JobAbort:
    with pytest.raises(JobAbort) as abort:
        scene.gateway().complete(ask(text), role="student")
    assert scene.meter.stopped is abort.value.reason
    return abort.value


def test_a_failed_try_is_tried_again_after_a_growing_wait() -> None:
    scene = stage(DOWN, DOWN, "third")
    assert scene.gateway().complete(ask(), role="student").text == "third"
    first, second, third = scene.provider.began
    assert 0.5 <= second - first <= 1.0
    assert 1.0 <= third - second <= 2.0
    assert scene.journal.records[0].tries == 3
    assert scene.meter.spent.usd == Decimal("0.00002")


@pytest.mark.parametrize("error", [limited(7), ProviderUnavailable("", status=503, retry_after=7)])
def test_retry_after_is_honoured(error: Exception) -> None:
    scene = stage(error, "then")
    scene.gateway().complete(ask(), role="student")
    first, second = scene.provider.began
    assert 7 <= second - first < 8


def test_one_429_holds_back_every_thread() -> None:
    scene = stage(limited(30))
    gateway = scene.gateway()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: gateway.complete(ask(str(n)), role="student"), range(8)))
    early = [began for began in scene.provider.began if began < 30]
    assert len(early) <= 8
    assert scene.provider.calls == 9


def test_429_uses_up_no_try_and_never_counts_for_the_breaker() -> None:
    scene = stage(*[limited(1)] * 20, "at last")
    assert scene.gateway().complete(ask(), role="student").text == "at last"
    assert scene.breaker.state("acme") == "closed"


def test_a_provider_that_only_ever_says_429_is_given_up() -> None:
    scene = stage(*[limited(1)] * 500)
    assert abort_of(scene).reason is StopReason.PROVIDER_DOWN
    assert scene.clock.monotonic() <= 121
    assert scene.breaker.state("acme") == "closed"


def test_a_provider_that_asks_for_an_hour_is_given_up_at_once() -> None:
    scene = stage(limited(3600))
    assert abort_of(scene).reason is StopReason.PROVIDER_DOWN
    assert scene.clock.monotonic() == 0


def test_nine_failures_are_three_for_the_breaker_and_end_the_job() -> None:
    scene = stage(*[DOWN] * 50)
    assert abort_of(scene).reason is StopReason.PROVIDER_DOWN
    assert scene.provider.calls == 9
    assert scene.breaker.state("acme") == "open"
    assert scene.journal.records == []


def test_an_open_breaker_makes_no_call() -> None:
    scene = stage(*[DOWN] * 9)
    abort_of(scene)
    later = Stage(scene.provider, scene.clock)
    later.breaker = scene.breaker
    assert abort_of(later).reason is StopReason.PROVIDER_DOWN
    assert scene.provider.calls == 9
    assert later.meter.spent.calls == 0


def test_the_breaker_recovers_by_one_probe() -> None:
    scene = stage(*[DOWN] * 9)
    abort_of(scene)
    scene.clock.sleep(300)
    later = Stage(scene.provider, scene.clock)
    later.breaker = scene.breaker
    gateway = later.gateway()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: gateway.complete(ask(str(n)), role="student"), range(8)))
    assert later.breaker.state("acme") == "closed"
    assert later.meter.spent.calls == 8


def test_a_probe_that_fails_ends_the_job_and_opens_the_circuit_again() -> None:
    scene = stage(*[DOWN] * 12)
    abort_of(scene)
    scene.clock.sleep(300)
    later = Stage(scene.provider, scene.clock)
    later.breaker = scene.breaker
    assert abort_of(later).reason is StopReason.PROVIDER_DOWN
    assert scene.provider.calls == 12


def test_a_rejection_ends_the_job_with_the_providers_words_shortened() -> None:
    message = "Incorrect API key provided: sk-abcdefghijklmnop.\n" + "x" * 1000
    scene = stage(ProviderRejected(message, status=401))
    abort = abort_of(scene)
    assert abort.reason is StopReason.ERROR
    assert scene.provider.calls == 1
    assert "abcdefghijklmnop" not in abort.detail
    assert len(abort.detail) <= 300
    assert "\n" not in abort.detail


def test_a_failure_that_may_be_billed_is_charged_at_the_upper_bound() -> None:
    scene = stage(ProviderUnavailable("read timeout", billable=True), "fine")
    scene.gateway().complete(ask(max_tokens=100), role="student")
    (lost,) = scene.lost
    assert (lost.role, lost.model, lost.output_tokens) == ("student", "acme/small", 100)
    assert scene.meter.spent.usd == lost.cost_usd + Decimal("0.00002")
    assert scene.meter.spent.tokens == lost.input_tokens + 100 + 15
    assert scene.journal.records[0].cost_usd == Decimal("0.00002")


def test_billable_failures_cannot_pass_the_cap() -> None:
    cap = Decimal("0.0009")
    scene = stage(*[ProviderUnavailable("cut", billable=True)] * 9, budget=Budget(usd=cap))
    assert abort_of(scene).reason is StopReason.BUDGET_USD
    assert 0 < scene.meter.spent.usd <= cap


def test_no_wait_outlives_the_deadline() -> None:
    clock = FrozenClock()
    budget = Budget(deadline=clock.now() + timedelta(seconds=20))
    scene = Stage(ScriptedProvider(clock, [limited(60)]), clock, budget)
    assert abort_of(scene).reason is StopReason.TIMEOUT
    assert clock.monotonic() == 0


def test_a_call_may_not_last_longer_than_the_job() -> None:
    clock = FrozenClock()
    budget = Budget(deadline=clock.now() + timedelta(seconds=12))
    scene = Stage(ScriptedProvider(clock), clock, budget)
    scene.gateway().complete(ask(), role="student")
    assert scene.provider.timeouts == [12]


def test_cancelling_during_a_wait_starts_no_call() -> None:
    class Impatient(FrozenClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            scene.meter.stop(StopReason.CANCELLED)

    clock = Impatient()
    scene = Stage(ScriptedProvider(clock, [limited(30)]), clock)
    assert abort_of(scene).reason is StopReason.CANCELLED
    assert scene.provider.calls == 1


@pytest.mark.parametrize("threads", [1, 8, 16])
@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(usd=Decimal("0.02")), StopReason.BUDGET_USD),
        (Budget(tokens=9000), StopReason.BUDGET_TOKENS),
        (Budget(calls=40), StopReason.CALLS),
    ],
)
def test_no_cap_is_passed_by_answers_of_varying_length(
    threads: int, budget: Budget, reason: StopReason
) -> None:
    provider = VaryingProvider(seed=threads)
    scene = Stage(provider, FrozenClock(), budget)
    gateway = scene.gateway()

    def work(number: int) -> StopReason | None:
        try:
            gateway.complete(ask(f"message {number}", max_tokens=200), role="student")
        except JobAbort as abort:
            return abort.reason
        return None

    with ThreadPoolExecutor(threads) as pool:
        outcomes = list(pool.map(work, range(300)))
    spent = scene.meter.spent
    assert set(outcomes) == {None, reason}
    assert spent.usd <= (budget.usd or spent.usd)
    assert spent.tokens <= (budget.tokens or spent.tokens)
    assert spent.calls == provider.calls <= (budget.calls or provider.calls)
    assert sum(outcome is None for outcome in outcomes) == len(scene.journal.records)


def test_no_call_starts_after_a_stop() -> None:
    provider = VaryingProvider(seed=1)
    scene = Stage(provider, FrozenClock())
    gateway = scene.gateway()
    scene.meter.stop(StopReason.CANCELLED)

    def work(number: int) -> None:
        with pytest.raises(JobAbort, match="cancelled"):
            gateway.complete(ask(str(number)), role="student")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(64)))
    assert provider.calls == 0


class PoisonedProvider(ScriptedProvider):
    """Fails on every request that holds the word poison."""

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        answer = super().complete(request, timeout_s=timeout_s)
        if "poison" in request.messages[0]["content"]:
            raise DOWN
        return answer


class BusyClock(FrozenClock):
    """Other calls are answered while somebody waits."""

    others: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        others, self.others = self.others, None
        if others:
            others()
            self.others = others


def test_a_request_that_always_fails_while_others_are_answered_is_named_and_trips_nothing() -> None:
    clock, numbers = BusyClock(), count()
    scene = Stage(PoisonedProvider(clock), clock)
    gateway = scene.gateway()
    clock.others = lambda: gateway.complete(ask(f"other {next(numbers)}"), role="student")
    with pytest.raises(JobAbort) as abort:
        gateway.complete(ask("poison"), role="teacher")
    assert abort.value.reason is scene.meter.stopped is StopReason.ERROR
    assert ask("poison").messages_hash[:12] in abort.value.detail
    assert "teacher" in abort.value.detail
    assert scene.breaker.state("acme") == "closed"
    poisoned = [each for each in scene.provider.requests if "poison" in str(each.messages)]
    assert len(poisoned) == 9


def test_an_answer_begun_before_an_outage_does_not_blame_the_request() -> None:
    scene = stage("before", *[DOWN] * 50)
    gateway = scene.gateway()
    gateway.complete(ask("before"), role="student")
    with pytest.raises(JobAbort) as abort:
        gateway.complete(ask("after"), role="student")
    assert abort.value.reason is StopReason.PROVIDER_DOWN
    assert scene.breaker.state("acme") == "open"


@pytest.mark.parametrize(("sent", "got"), [(0, 5), (10, -1), (-10, 5)])
def test_usage_that_cannot_be_true_is_charged_and_kept_at_the_upper_bound(
    sent: int, got: int
) -> None:
    scene = stage(lambda request: ChatResponse("fine", sent, got))
    response = scene.gateway().complete(ask(max_tokens=100), role="student")
    bound = tokens_upper_bound(ask().messages)
    assert (response.input_tokens, response.output_tokens) == (bound, 100)
    assert scene.meter.spent.tokens == bound + 100
    assert scene.journal.records[0].cost_usd == scene.meter.spent.usd > 0
