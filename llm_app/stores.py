"""Breaker and limiter shared by every process: each decision is one conditional UPDATE.

Both run in the group-commit writer's thread, so that the threads of a job open no connections.
The rows' keys carry the project: one tenant's broken key must not stop another tenant's calls.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, Q, Value, When

from kaizen_engine.clock import Clock
from kaizen_engine.errors import BreakerOpen
from kaizen_engine.llm.breaker import ProbePending
from kaizen_engine.llm.limiter import window
from llm_app.models import BreakerState, BreakerWord, RateWindow
from llm_app.writer import GroupCommitWriter

CLOSED, OPEN, HALF_OPEN = (
    BreakerWord.CLOSED.value,
    BreakerWord.OPEN.value,
    BreakerWord.HALF_OPEN.value,
)
# So long a closed and faultless circuit is taken to be so still, without asking the database.
TRUSTED_S = 0.5
SHORTEST_WAIT_S = 0.001
WINDOWS_KEPT_MS = 600_000


@dataclass(frozen=True)
class _Seen:
    state: str
    failures: int
    opened_at: datetime | None


class DatabaseBreaker:
    """The engine's Breaker over one row a key; transitions as drawn in `kaizen_engine.llm.breaker`.

    `reset_s` should exceed the longest call with its tries.
    """

    def __init__(
        self,
        writer: GroupCommitWriter,
        *,
        threshold: int,
        reset_s: float,
        clock: Clock,
        trusted_s: float = TRUSTED_S,
    ) -> None:
        self._writer = writer
        self._threshold = threshold
        self._reset = timedelta(seconds=reset_s)
        self._clock = clock
        self._trusted_s = trusted_s
        self._faultless_at: dict[str, float] = {}
        self._failures_here: Counter[str] = Counter()
        self._lock = threading.Lock()

    def before(self, key: str) -> None:
        """Return when a call may go out; raises BreakerOpen, or ProbePending to wait for."""
        if self._is_known_faultless(key):
            return
        failures_known = self._failures_here[key]
        seen, is_probe = self._writer.call(lambda: self._enter(key))
        if is_probe or seen.state == CLOSED:
            self._note(key, seen, failures_known)
            return
        left = self._left(seen)
        if seen.state == HALF_OPEN:
            raise ProbePending(f"a probe of {key!r} is under way", retry_after=left)
        message = f"{key!r} failed too often and is not called for another {left:.0f} s"
        raise BreakerOpen(message, retry_after=left)

    def success(self, key: str) -> None:
        if not self._is_known_faultless(key):
            self._writer.call(lambda: self._close(key))

    def failure(self, key: str) -> None:
        self._writer.call(lambda: self._count(key))
        with self._lock:
            self._failures_here[key] += 1
            self._faultless_at.pop(key, None)

    def state(self, key: str) -> str:
        """Return closed, open or half_open."""
        return self._writer.call(lambda: _read(key)).state

    def _enter(self, key: str) -> tuple[_Seen, bool]:
        seen = _read(key)
        if seen.state == CLOSED:
            return seen, False
        now = self._clock.now()
        is_probe = BreakerState.objects.filter(
            key=key, state__in=(OPEN, HALF_OPEN), opened_at__lte=now - self._reset
        ).update(state=HALF_OPEN, opened_at=now)
        return (seen, True) if is_probe else (_read(key), False)

    def _close(self, key: str) -> None:
        # An answer to a call from before the circuit opened proves nothing about now.
        troubled = BreakerState.objects.filter(key=key).exclude(state=OPEN)
        troubled.exclude(state=CLOSED, failures=0).update(state=CLOSED, failures=0, opened_at=None)

    def _count(self, key: str) -> None:
        BreakerState.objects.bulk_create([BreakerState(key=key)], ignore_conflicts=True)
        opens = Q(state=HALF_OPEN) | Q(failures__gte=self._threshold - 1)
        BreakerState.objects.filter(key=key).exclude(state=OPEN).update(
            failures=F("failures") + 1,
            state=Case(When(opens, then=Value(OPEN)), default=F("state")),
            opened_at=Case(When(opens, then=Value(self._clock.now())), default=F("opened_at")),
        )

    def _left(self, seen: _Seen) -> float:
        since = seen.opened_at or self._clock.now()
        return max(0.0, (since + self._reset - self._clock.now()).total_seconds())

    def _note(self, key: str, seen: _Seen, failures_known: int) -> None:
        """Remember a faultless circuit, unless a call failed here since it was read."""
        with self._lock:
            is_fresh = self._failures_here[key] == failures_known
            if seen.state == CLOSED and seen.failures == 0 and is_fresh:
                self._faultless_at[key] = self._clock.monotonic()

    def _is_known_faultless(self, key: str) -> bool:
        at = self._faultless_at.get(key)
        return at is not None and self._clock.monotonic() - at < self._trusted_s


class DatabaseLimiter:
    """The engine's Limiter over one row for each key and window; windows are cut by wall time."""

    def __init__(self, writer: GroupCommitWriter, *, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    def acquire(self, key: str, per_minute: int) -> float:
        """Take a place and return 0.0, or return the seconds after which to ask again."""
        limit, length_s = window(per_minute)
        length_ms = round(length_s * 1000)
        now_ms = round(self._clock.now().timestamp() * 1000)
        starts_at_ms = now_ms - now_ms % length_ms
        if self._writer.call(lambda: _take_place(key, starts_at_ms, limit)):
            return 0.0
        return max(SHORTEST_WAIT_S, (starts_at_ms + length_ms - now_ms) / 1000)


def _read(key: str) -> _Seen:
    row = BreakerState.objects.filter(key=key).values_list("state", "failures", "opened_at")
    return _Seen(*(row.first() or (CLOSED, 0, None)))


def _take_place(key: str, starts_at_ms: int, limit: int) -> bool:
    here = RateWindow.objects.filter(key=key, starts_at_ms=starts_at_ms)
    if here.filter(count__lt=limit).update(count=F("count") + 1):
        return True
    if here.exists():
        return False
    RateWindow.objects.filter(key=key, starts_at_ms__lt=starts_at_ms - WINDOWS_KEPT_MS).delete()
    row = RateWindow(key=key, starts_at_ms=starts_at_ms)
    RateWindow.objects.bulk_create([row], ignore_conflicts=True)
    return bool(here.filter(count__lt=limit).update(count=F("count") + 1))
