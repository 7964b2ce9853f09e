"""Keep to a provider's calls a minute, in windows shared by every caller of one key.

A minute is cut into at most ten windows, so that the calls of any 60 seconds exceed the rate by
one window at the most. A window is one row (window_start, count), and a step one conditional
UPDATE of it: take a place WHERE count < limit and the window is the current one, or begin the next
window WHERE the old one is over.
"""

import math
import threading
from typing import Protocol

from kaizen_engine.clock import Clock

_WINDOWS_A_MINUTE = 10
# Below this a rounded wait could fail to move the clock at all.
_SHORTEST_WAIT_S = 0.001


class Limiter(Protocol):
    """Shared by all callers of one key. Never sleeps: only the meter knows when to stop."""

    def acquire(self, key: str, per_minute: int) -> float:
        """Take a place and return 0.0, or return the seconds after which to ask again."""
        ...


def window(per_minute: int) -> tuple[int, float]:
    """Return how many calls fit a window, and its length in seconds."""
    calls = max(1, math.floor(per_minute / _WINDOWS_A_MINUTE))
    return calls, 60.0 * calls / per_minute


class LocalLimiter:
    """The limiter of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def acquire(self, key: str, per_minute: int) -> float:
        limit, length_s = window(per_minute)
        with self._lock:
            now = self._clock.monotonic()
            start, count = self._windows.get(key, (now, 0))
            if now >= start + length_s:
                start, count = now, 0
            if count >= limit:
                return max(_SHORTEST_WAIT_S, start + length_s - now)
            self._windows[key] = (start, count + 1)
            return 0.0
