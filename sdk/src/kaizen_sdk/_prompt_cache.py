"""The rules of the prompt cache, without any waiting or network.

In what follows T is cache_ttl_s. A prompt in use (asked for within hard_ttl_s) is polled at 0.8 T
in the background, so that it is seldom older than "fresh" while the server answers.

confirmed within T       served as it is
within 1.25 T            served marked stale, refreshed in the background
longer ago               asked for first: nobody polled it
refused or unanswered    kept, served marked stale, next asked for in the background after T or
                         what Retry-After says; asked for first once that is T / 2 overdue
never had                asked for; a failure is remembered for a second
gone (404)               forgotten
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from kaizen_sdk._clock import Clock
from kaizen_sdk._delivery import retry_after_of
from kaizen_sdk._fork import reset_in_children
from kaizen_sdk.errors import KaizenError, NotFound
from kaizen_sdk.prompt import Prompt

Key = tuple[str, str]
_NEVER = float("-inf")
_MISS_TTL_S = 1.0
_MAX_ENTRIES = 1000
_POLL_AT = 0.8
_SHORTEST_POLL_S = 1.0
_PATIENCE = 1.25
_PATIENCE_AFTER_FAILURE = 0.5


class Action(Enum):
    SERVE = auto()
    REFRESH = auto()
    FETCH = auto()


@dataclass(slots=True)
class Entry:
    """Times are of the client's clock. `error` is what the last attempt failed with."""

    prompt: Prompt | None
    etag: str = ""
    used_at: float = _NEVER
    fresh_until: float = _NEVER
    patient_until: float = _NEVER
    quiet_until: float = _NEVER
    poll_at: float = _NEVER
    error: KaizenError | None = None
    stale: Prompt | None = field(init=False)

    def __post_init__(self) -> None:
        self.stale = replace(self.prompt, is_stale=True) if self.prompt else None


class PromptCache:
    """`entries` may be read without the lock: an entry's prompt is set once."""

    def __init__(self, clock: Clock, *, cache_ttl_s: float, hard_ttl_s: float) -> None:
        self._clock = clock
        self._ttl_s = cache_ttl_s
        self._in_use_s = hard_ttl_s
        self._poll_s = max(_SHORTEST_POLL_S, _POLL_AT * cache_ttl_s)
        self.is_polled = cache_ttl_s > 0 and hard_ttl_s > 0
        self.entries: dict[Key, Entry] = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()

    def plan(self, key: Key, *, has_fallback: bool) -> Action:
        """Say what a caller has to do before it takes what `entries` holds."""
        entry, now = self.entries.get(key), self._clock.monotonic()
        if entry is None:
            return Action.FETCH
        entry.used_at = now
        if now < max(entry.fresh_until, entry.quiet_until):
            return Action.SERVE
        can_wait = has_fallback if entry.prompt is None else now < entry.patient_until
        return Action.REFRESH if can_wait and self._ttl_s > 0 else Action.FETCH

    def is_fresh(self, entry: Entry) -> bool:
        return self._clock.monotonic() < entry.fresh_until

    def succeeded(self, key: Key, prompt: Prompt, etag: str) -> None:
        """Keep what the server gave or, with the same prompt again, confirmed."""
        entry, now = self.entries.get(key), self._clock.monotonic()
        if entry is None or entry.prompt is not prompt:
            entry = Entry(prompt, etag, used_at=entry.used_at if entry else now)
        entry.error = None
        entry.quiet_until = _NEVER
        entry.poll_at = now + self._poll_s
        entry.patient_until = now + _PATIENCE * self._ttl_s
        entry.fresh_until = now + self._ttl_s
        self._put(key, entry)

    def failed(self, key: Key, error: KaizenError) -> None:
        entry, now = self.entries.get(key), self._clock.monotonic()
        if entry is None or entry.prompt is None or isinstance(error, NotFound):
            quiet_s = max(min(_MISS_TTL_S, self._ttl_s), retry_after_of(error))
            used_at = entry.used_at if entry else now
            self._put(key, Entry(None, used_at=used_at, quiet_until=now + quiet_s, error=error))
            return
        entry.error = error
        entry.quiet_until = now + max(self._ttl_s, retry_after_of(error))
        entry.patient_until = entry.quiet_until + _PATIENCE_AFTER_FAILURE * self._ttl_s
        entry.poll_at = entry.quiet_until

    def due(self) -> list[Key]:
        """Return the keys to poll now."""
        now = self._clock.monotonic()
        return [key for key, entry in self._in_use() if entry.poll_at <= now]

    def next_poll_in_s(self) -> float | None:
        """Return the time until a key is due, None where none is in use."""
        moments = [entry.poll_at for _, entry in self._in_use()]
        return max(0.0, min(moments) - self._clock.monotonic()) if moments else None

    def _in_use(self) -> list[tuple[Key, Entry]]:
        if not self.is_polled:
            return []
        since = self._clock.monotonic() - self._in_use_s
        with self._lock:
            entries = list(self.entries.items())
        return [(key, entry) for key, entry in entries if entry.prompt and entry.used_at > since]

    def _put(self, key: Key, entry: Entry) -> None:
        with self._lock:
            if key not in self.entries and len(self.entries) >= _MAX_ENTRIES:
                self._drop_oldest()
            self.entries[key] = entry

    def _drop_oldest(self) -> None:
        del self.entries[min(self.entries, key=lambda key: self.entries[key].used_at)]
