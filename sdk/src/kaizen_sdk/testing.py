"""Doubles for tests of code that uses the SDK."""

from __future__ import annotations

from kaizen_sdk._clock import Bell


class FrozenClock:
    """A clock that moves only by `advance`, and by every wait, which it records and skips."""

    def __init__(self) -> None:
        self._now = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def wait(self, bell: Bell, timeout_s: float) -> bool:
        if bell.wait(0):
            return True
        self.waits.append(timeout_s)
        self.advance(timeout_s)
        return False
