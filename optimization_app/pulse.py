"""The child's own thread: keeps the lease, hears a cancel, and notices that it was left alone."""

import logging
import os
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connections

from kaizen_engine.llm.meter import Meter, Spent
from kaizen_engine.states import StopReason
from optimization_app.models import Job
from optimization_app.services.lease import lease_extend
from optimization_app.services.moves import held_by

logger = logging.getLogger(__name__)

LONGEST_LOOK_S = 1.0


def _ignore(_: Spent) -> None:
    """Watch nothing."""


class Pulse:
    """Stops the meter once the job is cancelled, lost, orphaned or told to stop.

    A context manager; `drain` may be called from a signal handler. `watch` hears every second, and
    at the end, what is spent by then.
    """

    def __init__(
        self, job_id: int, fence: int, meter: Meter, watch: Callable[[Spent], None] = _ignore
    ) -> None:
        self._job_id = job_id
        self._fence = fence
        self._meter = meter
        self._watch = watch
        self._lease_s = settings.CONFIG.lease_s
        self._parent = os.getppid()
        self._next_beat = 0.0
        self._ended = threading.Event()
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="pulse", daemon=True)
        self.is_lost = False
        self.is_orphaned = False

        meter.lease_until = time.monotonic() + self._lease_s

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def is_draining(self) -> bool:
        return self._draining.is_set()

    def drain(self) -> None:
        """Stop soon, so that another worker can go on."""
        self._draining.set()

    def _serve(self) -> None:
        try:
            self._look()
            while not self._ended.wait(min(LONGEST_LOOK_S, self._lease_s / 8)):
                self._look()
            self._watch_spending()
        except Exception:
            logger.exception("the heartbeat ended")
            self._lose("the heartbeat ended with an error")
        finally:
            connections.close_all()

    def _look(self) -> None:
        self.is_orphaned = self.is_orphaned or os.getppid() != self._parent
        if self.is_orphaned or self.is_draining:
            self._meter.stop(StopReason.WORKER_LOST, "the worker has to stop")
        if self._meter.is_lease_over:
            self._lose("the lease could not be kept")
        try:
            self._beat()
            self._hear_cancel()
            self._watch_spending()
        except Error:
            logger.warning("the heartbeat failed and is tried again", exc_info=True)
            connections.close_all()

    def _beat(self) -> None:
        if self.is_lost or time.monotonic() < self._next_beat:
            return
        started = time.monotonic()
        if lease_extend(self._job_id, self._fence, spent=self._meter.spent):
            self._meter.lease_until = started + self._lease_s
            self._next_beat = started + self._lease_s / 4
        else:
            self._lose("another worker has the job by now")

    def _hear_cancel(self) -> None:
        mine = Job.objects.filter(held_by(self._fence), pk=self._job_id, cancel_requested=True)
        if mine.exists():
            self._meter.stop(StopReason.CANCELLED, "somebody cancelled the job")

    def _watch_spending(self) -> None:
        try:
            self._watch(self._meter.spent)
        except Error:
            logger.warning("the spending was not told and is looked at again", exc_info=True)
            connections.close_all()

    def _lose(self, why: str) -> None:
        self.is_lost = True
        self._meter.stop(StopReason.WORKER_LOST, why)
