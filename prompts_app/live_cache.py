"""What a tag serves, ready made, kept in this process for two seconds.

A move in this process is seen at once, one in another process within those two seconds.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from django.core.cache import caches

KEPT_S = 2


class LivePrompt(NamedTuple):
    etag: str
    body: bytes
    task_id: int = 0
    version_id: int = 0


class LiveCache:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moves = 0

    def get(self, key: str, read: Callable[[], LivePrompt]) -> LivePrompt:
        """Return what is kept, else what `read` finds; what `read` raises is not kept."""
        kept: LivePrompt | None = caches["local"].get(key)
        if kept is not None:
            return kept
        moves_before = self._moves
        found = read()
        with self._lock:
            # What was read before a move must not be kept after it.
            if moves_before == self._moves:
                caches["local"].set(key, found, KEPT_S)
        return found

    def forget(self, key: str) -> None:
        with self._lock:
            self._moves += 1
            caches["local"].delete(key)


live_cache = LiveCache()
