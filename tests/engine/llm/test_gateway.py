import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from kaizen_engine.clock import FrozenClock, SystemClock
from kaizen_engine.errors import JobAbort, PriceUnknown, ProviderUnavailable, StoreUnavailable
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.meter import Budget, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import CallRecord, ChatRequest, ChatResponse
from kaizen_engine.states import StopReason
from tests.engine.llm.doubles import Stage, ask, stage


def test_the_provider_sees_the_bare_model_name() -> None:
    scene = stage("hello")
    assert scene.gateway().complete(ask(), role="student").text == "hello"
    assert scene.provider.requests == [replace(ask(), model="small")]


def test_an_answer_is_charged_at_its_price_and_kept() -> None:
    scene = stage("hello")
    scene.gateway().complete(ask(), role="student")
    assert scene.meter.spent == Spent(Decimal("0.00002"), 15, 1)
    (record,) = scene.journal.records
    assert (record.role, record.model, record.occurrence) == ("student", "acme/small", 0)
    assert (record.cost_usd, record.tries) == (Decimal("0.00002"), 1)
    assert (record.request_hash, record.messages_hash) == (ask().hash, ask().messages_hash)


def test_a_journal_hit_costs_nothing_and_needs_no_reservation() -> None:
    scene = stage("once")
    scene.gateway().complete(ask(), role="student")
    scene.meter.stop(StopReason.BUDGET_USD)
    assert scene.gateway().complete(ask(), role="student").text == "once"
    assert scene.provider.calls == 1
    assert scene.meter.spent.calls == 1


def test_a_restarted_job_replays_all_samples_in_order() -> None:
    scene = stage("one", "two", "three")
    gateway = scene.gateway()
    warm = ask(temperature=0.7)
    first = [gateway.complete(warm, role="teacher").text for _ in range(2)]
    again = scene.gateway()
    assert [again.complete(warm, role="teacher").text for _ in range(3)] == [*first, "three"]
    assert scene.provider.calls == 3


def test_roles_do_not_share_answers() -> None:
    scene = stage("for the student", "for the judge")
    gateway = scene.gateway()
    assert gateway.complete(ask(), role="student").text == "for the student"
    assert gateway.complete(ask(), role="judge").text == "for the judge"


def test_concurrent_twins_are_billed_once() -> None:
    everybody_asked = threading.Event()

    class Slow:
        calls = 0

        def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
            self.calls += 1
            everybody_asked.wait(5)
            return ChatResponse("shared", 10, 5)

    provider = Slow()
    scene = Stage(provider, SystemClock())
    gateway = scene.gateway()
    with ThreadPoolExecutor(16) as pool:
        twins = [pool.submit(gateway.complete, ask(), role="student") for _ in range(16)]
        everybody_asked.set()
        assert {twin.result().text for twin in twins} == {"shared"}
    assert provider.calls == 1
    assert scene.meter.spent.calls == 1


def test_twins_share_the_abort_too() -> None:
    scene = Stage(stage(ProviderUnavailable("no")).provider, FrozenClock(), Budget(calls=1))
    gateway = scene.gateway()

    def reason(_: int) -> StopReason:
        with pytest.raises(JobAbort) as abort:
            gateway.complete(ask(), role="student")
        return abort.value.reason

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(reason, range(8))) == {StopReason.CALLS}


def test_above_temperature_zero_every_call_is_a_new_sample() -> None:
    scene = stage("one", "two")
    gateway = scene.gateway()
    warm = ask(temperature=1.0)
    texts = [gateway.complete(warm, role="student").text for _ in range(2)]
    assert texts == ["one", "two"]
    assert [record.occurrence for record in scene.journal.records] == [0, 1]


@pytest.mark.parametrize("prices", [{}, {"small": None}])
def test_an_unknown_price_stops_before_any_call(prices: dict[str, None]) -> None:
    scene = stage(prices=PriceBook(prices))
    gateway = scene.gateway()
    with pytest.raises(PriceUnknown):
        gateway.complete(ask(), role="student")
    assert scene.provider.calls == 0
    # Even if somebody swallows it, the job is over.
    assert scene.meter.stopped is StopReason.ERROR


@pytest.mark.parametrize("model", ["small", "nobody/small", "acme/"])
def test_a_model_that_no_connection_serves_ends_the_job(model: str) -> None:
    scene = stage()
    with pytest.raises(JobAbort, match="no connection") as abort:
        scene.gateway().complete(replace(ask(), model=model), role="student")
    assert abort.value.reason is StopReason.ERROR


def test_an_answer_without_usage_is_charged_at_the_upper_bound() -> None:
    scene = stage(lambda _: ChatResponse("text", 0, 0))
    scene.gateway().complete(ask(max_tokens=100), role="student")
    assert scene.meter.spent.tokens > 100
    assert scene.meter.spent.usd == scene.journal.records[0].cost_usd > Decimal("0.0002")


def test_a_bug_behind_the_door_is_an_abort_and_counts_as_billed() -> None:
    scene = stage(RuntimeError("surprise"))
    with pytest.raises(JobAbort, match="surprise") as abort:
        scene.gateway().complete(ask(), role="student")
    assert abort.value.reason is StopReason.ERROR
    assert scene.meter.spent.tokens > 100
    assert len(scene.lost) == 1


def test_a_journal_that_cannot_keep_an_answer_ends_the_job() -> None:
    scene = stage("paid")

    class Full(type(scene.journal)):  # type: ignore[misc]
        def record(self, call: object) -> None:
            raise OSError("disk full")

    scene.journal = Full()
    with pytest.raises(JobAbort, match="disk full"):
        scene.gateway().complete(ask(), role="student")
    assert scene.meter.spent.calls == 1


def test_a_rate_limit_spreads_calls_over_time() -> None:
    scene = stage(per_minute=60)
    gateway = scene.gateway()
    for number in range(13):
        gateway.complete(ask(str(number)), role="student")
    began = scene.provider.began
    assert began[5] == 0
    assert began[6] >= 6
    assert began[12] >= 12


def test_a_journal_that_cannot_be_reached_gives_the_job_back_and_fails_nothing() -> None:
    class Unreachable(MemoryJournal):
        def record(self, call: CallRecord) -> None:
            raise StoreUnavailable("the database cannot be reached")

    scene = stage(journal=Unreachable())
    with pytest.raises(JobAbort) as abort:
        scene.gateway().complete(ask(), role="student")
    assert abort.value.reason is scene.meter.stopped is StopReason.WORKER_LOST
