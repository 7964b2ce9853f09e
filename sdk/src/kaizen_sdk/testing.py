"""Doubles for tests of code that uses the SDK."""

from __future__ import annotations

import threading

from kaizen_sdk._clock import Bell


class FrozenClock:
    """A clock that moves only by `advance`, and by every wait, which it records and skips.

    Threads that rest between two polls go on when they are told to, by `wake`.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self.waits: list[float] = []
        self._change = threading.Condition()
        self._resting: list[Bell] = []
        self._woken: list[Bell] = []

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

    def rest(self, bell: Bell, timeout_s: float | None) -> bool:
        with self._change:
            self._resting.append(bell)
            self._change.notify_all()
        bell.wait()
        with self._change:
            is_woken = bell in self._woken
            if is_woken:
                self._woken.remove(bell)
            else:
                self._resting.remove(bell)
        return not is_woken

    def wake(self, timeout_s: float = 5.0) -> bool:
        """Let resting threads see what is due, and say whether they rest again.

        False when there is none, or when one is still busy after `timeout_s` real seconds.
        """
        with self._change:
            if not self._change.wait_for(lambda: self._resting, timeout_s):
                return False
            self._woken, self._resting = self._resting, []
            bells = list(self._woken)
            for bell in bells:
                bell.ring()
            return self._change.wait_for(
                lambda: all(bell in self._resting for bell in bells), timeout_s
            )
