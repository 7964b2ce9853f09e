"""The rules of the prompt cache, without any waiting or network.

fresh (cache_ttl_s)      served as it is
older                    served marked stale, refreshed in the background
older than hard_ttl_s    asked for first; served marked stale if that fails, then as "older"
never had                asked for; a failure is remembered for a second
gone (404)               forgotten; any other failure keeps the last good one without limit
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


class Action(Enum):
    SERVE = auto()
    REFRESH = auto()
    FETCH = auto()


@dataclass(slots=True)
class Entry:
    """Times are of the client's clock. `error` is what the last attempt failed with."""

    prompt: Prompt | None
    etag: str = ""
    fresh_until: float = _NEVER
    trusted_until: float = _NEVER
    quiet_until: float = _NEVER
    error: KaizenError | None = None
    stale: Prompt | None = field(init=False)

    def __post_init__(self) -> None:
        self.stale = replace(self.prompt, is_stale=True) if self.prompt else None


class PromptCache:
    """`entries` may be read without the lock: an entry's prompt is set once."""

    def __init__(self, clock: Clock, *, cache_ttl_s: float, hard_ttl_s: float) -> None:
        self._clock = clock
        self._ttl_s = cache_ttl_s
        self._hard_ttl_s = hard_ttl_s
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
        if now < max(entry.fresh_until, entry.quiet_until):
            return Action.SERVE
        can_wait = has_fallback if entry.prompt is None else now < entry.trusted_until
        return Action.REFRESH if can_wait and self._ttl_s > 0 else Action.FETCH

    def succeeded(self, key: Key, prompt: Prompt, etag: str) -> None:
        """Keep what the server gave or, with the same prompt again, confirmed."""
        now = self._clock.monotonic()
        self._put(key, Entry(prompt, etag, now + self._ttl_s, now + self._hard_ttl_s))

    def failed(self, key: Key, error: KaizenError) -> None:
        entry, now = self.entries.get(key), self._clock.monotonic()
        if entry is None or entry.prompt is None or isinstance(error, NotFound):
            quiet_s = max(min(_MISS_TTL_S, self._ttl_s), retry_after_of(error))
            self._put(key, Entry(None, quiet_until=now + quiet_s, error=error))
            return
        entry.error = error
        entry.quiet_until = now + max(self._ttl_s, retry_after_of(error))
        if now >= entry.trusted_until:
            entry.trusted_until = now + self._hard_ttl_s

    def _put(self, key: Key, entry: Entry) -> None:
        with self._lock:
            if key not in self.entries and len(self.entries) >= _MAX_ENTRIES:
                self._drop_oldest()
            self.entries[key] = entry

    def _drop_oldest(self) -> None:
        del self.entries[min(self.entries, key=lambda key: self.entries[key].fresh_until)]
