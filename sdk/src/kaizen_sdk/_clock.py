"""Time as the client sees it, so that tests can pass their own."""

from __future__ import annotations

import queue
import threading
import time
from typing import Protocol


class Bell:
    """Wakes one waiting thread. Ringing is safe in signal handlers and destructors."""

    def __init__(self) -> None:
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        self._rings.put(None)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once rung, False after `timeout_s`; earlier rings count once."""
        try:
            self._rings.get(timeout=timeout_s)
        except queue.Empty:
            return False
        while not self._rings.empty():
            self._rings.get()
        return True


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds from some fixed point, never going back."""
        ...

    def wait(self, bell: Bell, timeout_s: float) -> bool:
        """Wait until the bell rings (True) or the time has passed (False)."""
        ...

    def rest(self, bell: Bell, timeout_s: float | None) -> bool:
        """Like `wait`, without an end where `timeout_s` is None, between one poll and the next."""
        ...


class SystemClock:
    monotonic = staticmethod(time.monotonic)

    def wait(self, bell: Bell, timeout_s: float) -> bool:
        return bell.wait(timeout_s)

    def rest(self, bell: Bell, timeout_s: float | None) -> bool:
        return bell.wait(None if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX))
