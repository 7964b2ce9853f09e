"""Which client got which version, noted in memory on the hot path and written by a thread.

GET prompt only looks into a dictionary. A key that asks again for what it has is noted once a
minute; a crash loses at most what was noted within the last BATCH_S seconds.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import DatabaseError, IntegrityError, close_old_connections, connections
from django.utils import timezone

from prompts_app.live_cache import LivePrompt
from prompts_app.services.sightings import EVERY, Sighting, sightings_store

BATCH_S = 2.0
MOST = 10_000

log = logging.getLogger(__name__)
Place = tuple[int, int, str]


class SightingBook:
    """What this process has seen and not written yet. `store` gets a batch and may fail."""

    def __init__(
        self,
        store: Callable[[Iterable[Sighting]], int] = sightings_store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock = store, clock
        self._noted: dict[Place, tuple[int, float]] = {}
        self._waiting: dict[Place, Sighting] = {}
        self._lock = threading.Lock()
        self._writer: tuple[int, threading.Thread] | None = None

    def note(self, api_key_id: int, live: LivePrompt, tag: str) -> None:
        """Remember that the key got this prompt, unless it did so within the minute."""
        place = (api_key_id, live.task_id, tag)
        known = self._noted.get(place)
        now = self._clock()
        if known and known[0] == live.version_id and now - known[1] < EVERY.total_seconds():
            return
        with self._lock:
            if len(self._noted) >= MOST:
                self._noted.clear()
            self._noted[place] = (live.version_id, now)
            self._waiting[place] = Sighting(
                api_key_id, live.task_id, tag, live.version_id, timezone.now()
            )
        if settings.SIGHTINGS_WRITER:
            self._wake()

    def write(self) -> int:
        """Write what waits, and return how many rows changed; a failed batch waits on."""
        with self._lock:
            batch, self._waiting = self._waiting, {}
        try:
            return self._store(batch.values()) if batch else 0
        except IntegrityError:
            return sum(self._store_alone(one) for one in batch.values())
        except DatabaseError as error:
            log.warning("sightings of clients wait: %s", error)
            with self._lock:
                self._waiting = {**batch, **self._waiting}
            return 0

    def _store_alone(self, one: Sighting) -> int:
        """Store one of a batch in which a key or a prompt is gone: that one is dropped."""
        try:
            return self._store([one])
        except DatabaseError as error:
            log.info("a sighting is dropped: %s", error)
            return 0

    def forget(self) -> None:
        with self._lock:
            self._noted, self._waiting = {}, {}

    def _wake(self) -> None:
        """Have a writer in this very process: a fork takes no threads along."""
        with self._lock:
            if self._writer and self._writer[0] == os.getpid() and self._writer[1].is_alive():
                return
            thread = threading.Thread(target=self._write_on, name="sightings", daemon=True)
            self._writer = (os.getpid(), thread)
            thread.start()

    def _write_on(self) -> None:
        while True:
            time.sleep(BATCH_S)
            if self._waiting:
                close_old_connections()
                self.write()
                connections["default"].close()


book = SightingBook()
