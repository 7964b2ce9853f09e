from concurrent.futures import ThreadPoolExecutor

import pytest

from kaizen_engine.clock import FrozenClock
from kaizen_engine.errors import BreakerOpen
from kaizen_engine.llm.breaker import LocalBreaker, ProbePending


def opened() -> tuple[LocalBreaker, FrozenClock]:
    clock = FrozenClock()
    breaker = LocalBreaker(threshold=3, reset_s=300, clock=clock)
    for _ in range(3):
        breaker.before("acme")
        breaker.failure("acme")
    return breaker, clock


def test_three_failures_in_a_row_open_the_circuit() -> None:
    breaker, _ = opened()
    assert breaker.state("acme") == "open"
    with pytest.raises(BreakerOpen) as error:
        breaker.before("acme")
    assert error.value.retry_after == 300


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = LocalBreaker(clock=FrozenClock())
    for _ in range(4):
        breaker.failure("acme")
        breaker.failure("acme")
        breaker.success("acme")
    assert breaker.state("acme") == "closed"


def test_one_provider_does_not_open_the_circuit_of_another() -> None:
    breaker, _ = opened()
    breaker.before("other")


def test_after_the_reset_time_one_probe_goes_out_and_the_rest_wait() -> None:
    breaker, clock = opened()
    clock.advance(300)
    breaker.before("acme")
    with pytest.raises(ProbePending):
        breaker.before("acme")


def test_of_sixteen_threads_exactly_one_probes() -> None:
    breaker, clock = opened()
    clock.advance(301)

    def probes(_: int) -> bool:
        try:
            breaker.before("acme")
        except ProbePending:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(probes, range(16))) == 1


def test_a_probe_that_is_answered_closes_the_circuit() -> None:
    breaker, clock = opened()
    clock.advance(300)
    breaker.before("acme")
    breaker.success("acme")
    assert breaker.state("acme") == "closed"
    breaker.failure("acme")
    assert breaker.state("acme") == "closed"


def test_a_probe_that_fails_opens_it_for_another_while() -> None:
    breaker, clock = opened()
    clock.advance(300)
    breaker.before("acme")
    breaker.failure("acme")
    clock.advance(299)
    with pytest.raises(BreakerOpen):
        breaker.before("acme")
    clock.advance(1)
    breaker.before("acme")


def test_a_probe_whose_caller_died_is_replaced() -> None:
    breaker, clock = opened()
    clock.advance(300)
    breaker.before("acme")
    clock.advance(300)
    breaker.before("acme")


def test_an_answer_from_before_the_outage_does_not_close_the_circuit() -> None:
    breaker, _ = opened()
    breaker.success("acme")
    assert breaker.state("acme") == "open"
