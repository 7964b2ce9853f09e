import pytest

from kaizen_engine.clock import FrozenClock
from kaizen_engine.llm.limiter import LocalLimiter, window


def times_of(limiter: LocalLimiter, clock: FrozenClock, calls: int, per_minute: int) -> list[float]:
    times = []
    for _ in range(calls):
        while (wait := limiter.acquire("acme", per_minute)) > 0:
            clock.sleep(wait)
        times.append(clock.monotonic())
    return times


@pytest.mark.parametrize("per_minute", [1, 7, 10, 60, 600])
def test_no_minute_holds_more_calls_than_the_rate_and_one_window(per_minute: int) -> None:
    clock = FrozenClock()
    times = times_of(LocalLimiter(clock), clock, per_minute * 3 + 5, per_minute)
    limit, _ = window(per_minute)
    for start in times:
        within = [time for time in times if start <= time < start + 60]
        assert len(within) <= per_minute + limit


def test_the_allowed_rate_is_reached() -> None:
    clock = FrozenClock()
    times = times_of(LocalLimiter(clock), clock, 120, 60)
    assert times[-1] <= 120


def test_providers_have_windows_of_their_own() -> None:
    limiter = LocalLimiter(FrozenClock())
    assert limiter.acquire("acme", 1) == 0
    assert limiter.acquire("acme", 1) > 0
    assert limiter.acquire("other", 1) == 0
