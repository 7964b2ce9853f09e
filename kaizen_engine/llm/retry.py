"""How long to wait before the next try, and when a provider that says "later" is given up.

Our own few lines: stamina takes its jitter from the process-wide generator and sleeps through
tenacity's default, which neither a stop nor a frozen clock can reach.
"""

import random
import re
import threading
from dataclasses import dataclass

from kaizen_engine.clock import Clock

_LONGEST_BACKOFF_S = 20.0
_LONGEST_MESSAGE = 300
_SECRET = re.compile(r"\b(sk|key|pk|gsk|Bearer)([-_ ])[A-Za-z0-9_\-]{8,}")


class Backoff:
    """Exponential waits with seeded jitter; a longer Retry-After wins."""

    def __init__(self, *, base_s: float, seed: int) -> None:
        self._base_s = base_s
        self._random = random.Random(seed)  # noqa: S311 - spreads callers, guards no secret
        self._lock = threading.Lock()

    def seconds(self, failures: int, retry_after: float | None = None) -> float:
        """Return base * 2^(failures - 1) * (1 + jitter), or `retry_after` where that is longer."""
        with self._lock:
            jitter = self._random.random()
        backoff = self._base_s * 2.0 ** min(failures - 1, 16) * (1 + jitter)
        return max(min(backoff, _LONGEST_BACKOFF_S), retry_after or 0.0)


@dataclass
class _Mark:
    hold_until: float = float("-inf")
    answered_at: float = float("-inf")
    answered_began: float = float("-inf")


class Pace:
    """What all threads of one gateway know of a provider: the pause it asked for, its last answer.

    One 429 holds every thread back, else each of them would collect its own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks: dict[str, _Mark] = {}
        self._lock = threading.Lock()

    def hold(self, key: str, seconds: float) -> None:
        with self._lock:
            mark = self._marks.setdefault(key, _Mark())
            mark.hold_until = max(mark.hold_until, self._clock.monotonic() + seconds)

    def hold_left(self, key: str) -> float:
        with self._lock:
            mark = self._marks.setdefault(key, _Mark())
            return max(0.0, mark.hold_until - self._clock.monotonic())

    def answered(self, key: str, began: float) -> None:
        with self._lock:
            mark = self._marks.setdefault(key, _Mark())
            mark.answered_at = self._clock.monotonic()
            mark.answered_began = max(mark.answered_began, began)

    def has_answered_since(self, key: str, moment: float) -> bool:
        """Say whether a try that began after `moment` was answered."""
        with self._lock:
            return self._marks.setdefault(key, _Mark()).answered_began > moment

    def silent_s(self, key: str, since: float) -> float:
        """Return the seconds without any answer, counted from `since` or the last one."""
        with self._lock:
            mark = self._marks.setdefault(key, _Mark())
            return self._clock.monotonic() - max(since, mark.answered_at)


def shortened(error: BaseException) -> str:
    """Return an error's message fit for a page: one line, short, without anything like a key."""
    message = " ".join(str(error).split()) or type(error).__name__
    return _SECRET.sub(r"\1\2[hidden]", message)[:_LONGEST_MESSAGE]
