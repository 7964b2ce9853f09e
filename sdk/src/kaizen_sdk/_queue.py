"""A queue bounded by events and by bytes that refuses the newest, and the counters around it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Event = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the process (or its fork) began.

    `logged` events were taken in; each ends as delivered, rejected by the server (by its code) or
    dropped by the client (by reason), and is `queued` until then. Events refused at the door are
    in `dropped` only.
    """

    logged: int
    queued: int
    delivered: int
    retries: int
    rejected: Mapping[str, int]
    dropped: Mapping[str, int]


class EventQueue:
    """Thread-safe; `put` may interrupt itself (signal handlers, destructors)."""

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.reset()

    def reset(self) -> None:
        self._lock = threading.RLock()
        self._events: deque[tuple[Event, int]] = deque()
        self.bytes = 0
        self.logged = self.taken = self.finished = 0
        self.delivered = self.retries = 0
        self.rejected: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event, size: int) -> int:
        """Take the event in and return how many wait now, 0 where it was refused (and counted)."""
        events = self._events
        with self._lock:
            waiting = len(events)
            total = self.bytes + size
            if waiting >= self._max_events or total > self._max_bytes:
                self.dropped["queue_full"] += 1
                return 0
            events.append((event, size))
            self.bytes = total
            self.logged += 1
            return waiting + 1

    def take(self) -> Event | None:
        with self._lock:
            if not self._events:
                self.bytes = 0
                return None
            event, size = self._events.popleft()
            self.bytes -= size
            self.taken += 1
            return event

    def clear(self) -> int:
        """Forget what waits, counted as taken; return how many."""
        with self._lock:
            count = len(self._events)
            self._events.clear()
            self.bytes = 0
            self.taken += count
            return count

    def refuse(self, reason: str) -> None:
        """Count an event that was never taken in."""
        with self._lock:
            self.dropped[reason] += 1

    def finish(
        self,
        *,
        delivered: int = 0,
        dropped: Mapping[str, int] | None = None,
        rejected: Mapping[str, int] | None = None,
    ) -> None:
        """Count what became of taken events."""
        with self._lock:
            self.delivered += delivered
            self.dropped.update(dropped or {})
            self.rejected.update(rejected or {})
            lost = sum((dropped or {}).values()) + sum((rejected or {}).values())
            self.finished += delivered + lost

    def stats(self) -> Stats:
        with self._lock:
            return Stats(
                logged=self.logged,
                queued=self.logged - self.finished,
                delivered=self.delivered,
                retries=self.retries,
                rejected=dict(self.rejected),
                dropped=dict(self.dropped),
            )
