"""Breaker and limiter shared by processes: never two probes, never a call too many."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from kaizen_engine.clock import FrozenClock
from kaizen_engine.errors import BreakerOpen
from kaizen_engine.llm.breaker import LocalBreaker, ProbePending
from kaizen_engine.llm.limiter import LocalLimiter
from llm_app.models import RateWindow
from llm_app.stores import DatabaseBreaker, DatabaseLimiter
from llm_app.writer import GroupCommitWriter

BOTH = pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
RESET_S = 300.0


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def writers(live_database):
    """Two writers, as two processes would have: each its own thread and connection."""
    with GroupCommitWriter() as one, GroupCommitWriter() as other:
        yield one, other
    connections.close_all()


@pytest.fixture
def breakers(writers, clock) -> tuple[DatabaseBreaker, DatabaseBreaker]:
    one, other = (
        DatabaseBreaker(writer, threshold=3, reset_s=RESET_S, clock=clock) for writer in writers
    )
    return one, other


def answer(breaker, key: str = "p/models") -> str:
    try:
        breaker.before(key)
    except ProbePending:
        return "wait"
    except BreakerOpen:
        return "open"
    return "go"


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@BOTH
def test_three_failures_seen_by_two_processes_open_the_circuit_for_both(breakers):
    one, other = breakers
    for breaker in (one, other, one):
        assert answer(breaker) == "go"
        breaker.failure("p/models")
    assert (answer(one), answer(other)) == ("open", "open")
    assert answer(one, "p/others") == "go"


@BOTH
def test_a_success_between_failures_starts_the_count_again(breakers, clock):
    one, other = breakers
    for _ in range(4):
        one.failure("p/models")
        one.failure("p/models")
        clock.advance(1)
        assert answer(other) == "go"
        other.success("p/models")
    assert one.state("p/models") == "closed"


@BOTH
def test_of_many_that_ask_at_once_exactly_one_probes(breakers, clock):
    for _ in range(3):
        breakers[0].failure("p/models")
    for _ in range(5):
        clock.advance(RESET_S)
        asked = at_once([lambda b=b: answer(b) for b in breakers * 8])
        assert sorted(asked) == ["go"] + ["wait"] * 15
        breakers[0].failure("p/models")
        assert answer(breakers[1]) == "open", "a failed probe opens the circuit again"


@BOTH
def test_a_probe_that_succeeds_closes_the_circuit(breakers, clock):
    one, other = breakers
    for _ in range(3):
        one.failure("p/models")
    clock.advance(RESET_S)
    assert answer(other) == "go"
    other.success("p/models")
    assert (answer(one), answer(other)) == ("go", "go")
    one.failure("p/models")
    assert answer(one) == "go", "the count began again at zero"


def test_a_probe_whose_process_died_is_replaced(breakers, clock):
    one, other = breakers
    for _ in range(3):
        one.failure("p/models")
    clock.advance(RESET_S)
    assert answer(one) == "go"
    clock.advance(RESET_S - 1)
    assert answer(other) == "wait"
    clock.advance(1)
    assert answer(other) == "go"


def test_the_refusal_says_how_long_it_lasts(breakers, clock):
    for _ in range(3):
        breakers[0].failure("p/models")
    clock.advance(100)
    with pytest.raises(BreakerOpen, match="200 s") as caught:
        breakers[1].before("p/models")
    assert caught.value.retry_after == pytest.approx(RESET_S - 100)


def test_a_late_answer_does_not_close_an_open_circuit(breakers):
    for _ in range(3):
        breakers[0].failure("p/models")
    breakers[1].success("p/models")
    assert answer(breakers[1]) == "open"


def test_failures_at_once_are_all_counted(breakers):
    at_once([lambda b=b: b.failure("p/models") for b in (*breakers, breakers[0])])
    assert breakers[0].state("p/models") == "open"


def test_a_process_hears_of_its_own_failures_at_once_and_of_others_soon(breakers, clock):
    one, other = breakers
    assert (answer(one), answer(other)) == ("go", "go")
    for _ in range(3):
        one.failure("p/models")
    assert answer(one) == "open"
    clock.advance(0.5)
    assert answer(other) == "open"


SCRIPT = "b f b f s b f f b f b w b b s b f f f w b f w b s b"


def test_the_database_breaker_decides_as_the_local_one(writers, clock):
    shared = DatabaseBreaker(writers[0], threshold=3, reset_s=RESET_S, clock=clock, trusted_s=0)
    local = LocalBreaker(threshold=3, reset_s=RESET_S, clock=clock)
    for step in SCRIPT.split():
        if step == "w":
            clock.advance(RESET_S)
        elif step == "b":
            assert answer(shared, "k") == answer(local, "k")
        else:
            for breaker in (shared, local):
                (breaker.failure if step == "f" else breaker.success)("k")
        assert shared.state("k") == local.state("k")


@BOTH
@pytest.mark.parametrize("per_minute", [1, 7, 60, 600])
def test_two_processes_together_keep_to_one_rate(writers, clock, per_minute):
    limiters = [DatabaseLimiter(writer, clock=clock) for writer in writers]
    admitted = 0
    for _ in range(60):
        waits = at_once([lambda x=x: x.acquire("k", per_minute) for x in limiters * 4])
        admitted += waits.count(0.0)
        assert all(0 <= wait <= 60 for wait in waits)
        clock.advance(1.0)
    assert admitted <= per_minute * 1.1 + 1
    assert admitted >= min(per_minute, 60 * 8) * 0.9 - 1


def test_the_wait_ends_when_a_place_is_free(writers, clock):
    limiter = DatabaseLimiter(writers[0], clock=clock)
    local = LocalLimiter(clock)
    for each in (limiter, local):
        while (wait := each.acquire("k", 20)) == 0.0:
            pass
        clock.advance(wait)
        assert each.acquire("k", 20) == 0.0


def test_windows_long_over_are_forgotten(writers, clock):
    limiter = DatabaseLimiter(writers[0], clock=clock)
    for _ in range(5):
        limiter.acquire("k", 60)
        clock.advance(3600)
    assert RateWindow.objects.count() == 1
