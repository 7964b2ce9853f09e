import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from kaizen_engine.clock import FrozenClock
from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.states import StopReason

UPPER_USD, UPPER_TOKENS = Decimal("0.003"), 400


def make(clock: FrozenClock | None = None, spent: Spent | None = None, **caps: object) -> Meter:
    return Meter(Budget(**caps), spent or Spent(), clock or FrozenClock())  # type: ignore[arg-type]


def spend_until_stopped(meter: Meter, seed: int, threads: int = 16) -> None:
    """Make calls of varying cost from many threads until the meter refuses."""

    def work(worker: int) -> None:
        lots = random.Random(seed * 100 + worker)
        while True:
            try:
                reservation = meter.reserve(UPPER_USD, UPPER_TOKENS)
            except JobAbort:
                return
            if lots.random() < 0.1:
                meter.refund(reservation)
                continue
            share = Decimal(lots.randint(1, 100)) / 100
            meter.settle(reservation, UPPER_USD * share, int(UPPER_TOKENS * share))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


@pytest.mark.parametrize("seed", range(12))
def test_sixteen_threads_never_pass_the_cap_in_money_and_come_close_to_it(seed: int) -> None:
    meter = make(usd=Decimal("0.1"))
    spend_until_stopped(meter, seed)
    assert meter.stopped is StopReason.BUDGET_USD
    assert Decimal("0.1") - UPPER_USD < meter.spent.usd <= Decimal("0.1")


@pytest.mark.parametrize("seed", range(6))
def test_sixteen_threads_never_pass_the_cap_in_tokens(seed: int) -> None:
    meter = make(tokens=15_000)
    spend_until_stopped(meter, seed)
    assert meter.stopped is StopReason.BUDGET_TOKENS
    assert 15_000 - UPPER_TOKENS < meter.spent.tokens <= 15_000


@pytest.mark.parametrize("seed", range(6))
def test_sixteen_threads_make_exactly_the_calls_that_are_allowed(seed: int) -> None:
    meter = make(calls=60)
    spend_until_stopped(meter, seed)
    assert meter.stopped is StopReason.CALLS
    assert meter.spent.calls == 60


def test_a_reservation_that_does_not_fit_waits_for_a_call_in_flight() -> None:
    meter = make(usd=Decimal("0.005"))
    first = meter.reserve(UPPER_USD, UPPER_TOKENS)
    got = threading.Event()

    def second() -> None:
        meter.settle(meter.reserve(UPPER_USD, UPPER_TOKENS), UPPER_USD, UPPER_TOKENS)
        got.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not got.wait(0.05)
    meter.settle(first, Decimal("0.001"), 100)
    thread.join()
    assert got.is_set()
    assert meter.spent == Spent(Decimal("0.004"), 500, 2)
    assert meter.stopped is None


def test_the_job_stops_at_once_when_no_refund_could_make_room() -> None:
    meter = make(usd=Decimal("0.005"), spent=Spent(Decimal("0.004"), 0, 1))
    with pytest.raises(JobAbort) as abort:
        meter.reserve(UPPER_USD, UPPER_TOKENS)
    assert abort.value.reason is StopReason.BUDGET_USD


def test_what_an_earlier_attempt_spent_counts() -> None:
    meter = make(calls=3, spent=Spent(Decimal(0), 0, 2))
    meter.settle(meter.reserve(UPPER_USD, 1), UPPER_USD, 1)
    with pytest.raises(JobAbort, match="calls"):
        meter.reserve(UPPER_USD, 1)


def test_a_stop_is_for_ever_and_the_first_reason_stays() -> None:
    meter = make()
    meter.stop(StopReason.CANCELLED, "by a person")
    meter.stop(StopReason.TIMEOUT)
    assert meter.stopped is StopReason.CANCELLED
    for _ in range(2):
        with pytest.raises(JobAbort, match="by a person"):
            meter.reserve(UPPER_USD, 1)


def test_a_stop_wakes_those_who_wait_for_room() -> None:
    meter = make(calls=1)
    meter.reserve(UPPER_USD, 1)
    reasons: list[StopReason] = []

    def wait() -> None:
        try:
            meter.reserve(UPPER_USD, 1)
        except JobAbort as abort:
            reasons.append(abort.reason)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    meter.stop(StopReason.CANCELLED)
    for thread in threads:
        thread.join()
    assert reasons == [StopReason.CANCELLED] * 4


def test_calls_in_flight_are_still_settled_after_a_stop() -> None:
    meter = make()
    reservation = meter.reserve(UPPER_USD, UPPER_TOKENS)
    meter.stop(StopReason.CANCELLED)
    meter.settle(reservation, Decimal("0.002"), 30)
    assert meter.spent == Spent(Decimal("0.002"), 30, 1)


def test_nothing_is_reserved_after_the_deadline() -> None:
    clock = FrozenClock()
    meter = make(clock, deadline=clock.now() + timedelta(seconds=10))
    meter.refund(meter.reserve(UPPER_USD, 1))
    clock.advance(10)
    with pytest.raises(JobAbort) as abort:
        meter.reserve(UPPER_USD, 1)
    assert abort.value.reason is StopReason.TIMEOUT


def test_a_wait_that_would_end_after_the_deadline_is_not_begun() -> None:
    clock = FrozenClock()
    meter = make(clock, deadline=clock.now() + timedelta(seconds=10))
    with pytest.raises(JobAbort, match="timeout"):
        meter.pause(11)
    assert clock.monotonic() == 0


def test_a_pause_ends_at_a_stop() -> None:
    class Impatient(FrozenClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            meter.stop(StopReason.CANCELLED)

    clock = Impatient()
    meter = make(clock)
    with pytest.raises(JobAbort, match="cancelled"):
        meter.pause(60)
    assert clock.monotonic() < 1


def test_a_reservation_is_settled_once() -> None:
    meter = make()
    reservation = meter.reserve(UPPER_USD, 1)
    meter.refund(reservation)
    with pytest.raises(ValueError, match="before"):
        meter.settle(reservation, UPPER_USD, 1)
    assert meter.spent == Spent()
