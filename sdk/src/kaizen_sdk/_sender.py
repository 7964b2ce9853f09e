"""The background delivery of feedback: one daemon thread behind a bounded queue.

Nothing in here raises into the application or makes it wait, except `flush` and `close`, which
wait as long as they are told.
"""

from __future__ import annotations

import os
import threading

from kaizen_sdk._batches import Batch, BatchDelivery, Demands, Post
from kaizen_sdk._clock import Clock
from kaizen_sdk._events import UnsendableEvent, document_of, encode_event
from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._queue import Event, EventQueue
from kaizen_sdk._reporter import Reporter
from kaizen_sdk.errors import FeedbackDropped

BATCH_EVENTS = 100
BATCH_BYTES = 1024 * 1024
LINGER_S = 1.0


class Sender:
    """Starts its thread with the first event, and again in a forked child."""

    def __init__(
        self,
        queue: EventQueue,
        post: Post,
        *,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._queue = queue
        self._demands = Demands()
        self._delivery = BatchDelivery(queue, post, self._demands, clock=clock, reporter=reporter)
        self._clock = clock
        self._reporter = reporter
        self._start_afresh()
        reset_in_children(self)

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._is_idle = False

    def reset_after_fork(self) -> None:
        """Forget the parent's events, which the parent delivers, and its thread."""
        self._queue.reset()
        self._demands.reset()
        self._start_afresh()

    def submit(self, event: Event, size: int) -> None:
        if self._pid != os.getpid():
            self.reset_after_fork()
        if self._demands.closed:
            self._refuse_closed()
            return
        waiting = self._queue.put(event, size)
        if not waiting:
            return
        if self._thread is None:
            self._start()
        total = self._queue.bytes
        if self._is_idle or waiting == BATCH_EVENTS or total >= BATCH_BYTES > total - size:
            self._is_idle = False
            self._demands.bell.ring()
        if self._demands.closed:
            self._drop_left_behind()

    def refuse(self, error: Exception) -> None:
        """Count an event that could not even be looked at."""
        self._queue.refuse("unserialisable")
        dropped = FeedbackDropped("unserialisable", 1, type(error).__name__)
        self._reporter.report("feedback dropped (unserialisable)", dropped)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was submitted so far is settled; False when time ran out."""
        target = self._queue.logged
        if self._thread is None or threading.current_thread() is self._thread:
            return self._queue.finished >= target
        demands = self._demands
        with demands.progress:
            demands.flush_target = max(demands.flush_target, target)
            demands.bell.ring()
            return demands.progress.wait_for(lambda: self._queue.finished >= target, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Refuse new events, deliver what waits for at most `timeout_s`, drop the rest."""
        thread = self._thread
        self.close_soon(timeout_s)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self._delivery.drop_waiting()

    def close_soon(self, timeout_s: float) -> None:
        """Like `close`, without waiting for the thread."""
        self._demands.close(timeout_s)

    def _start(self) -> None:
        # Whoever holds the lock is starting it; it may be the caller whom a signal interrupted.
        if not self._start_lock.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="kaizen-sdk-sender", daemon=True)
                thread.start()
                self._thread = thread
        finally:
            self._start_lock.release()

    def _drop_left_behind(self) -> None:
        """Settle an event that slipped in while `close` ended the thread."""
        if self._thread is None or not self._thread.is_alive():
            self._delivery.drop_waiting()

    def _refuse_closed(self) -> None:
        self._queue.refuse("closed")
        self._reporter.report("feedback after close()", FeedbackDropped("closed", 1))

    def _run(self) -> None:
        full_before = 0
        while self._wait_for_work():
            batch = self._take()
            full = self._queue.dropped["queue_full"]
            if full > full_before:
                dropped = FeedbackDropped("queue_full", full - full_before)
                self._reporter.report("feedback queue full", dropped)
                full_before = full
            self._delivery.deliver(batch)

    def _wait_for_work(self) -> bool:
        """Return once a batch is due, False when closed and there is nothing left to do."""
        while not len(self._queue):
            if self._demands.closed:
                return False
            self._is_idle = True
            # An event that came before the flag was set rang no bell.
            if not len(self._queue) and not self._demands.closed:
                self._demands.bell.wait()
            self._is_idle = False
        if not self._is_due():
            self._clock.wait(self._demands.bell, LINGER_S)
        return True

    def _is_due(self) -> bool:
        queue = self._queue
        full = len(queue) >= BATCH_EVENTS or queue.bytes >= BATCH_BYTES
        return full or self._demands.closed or self._demands.flush_target > queue.taken

    def _take(self) -> Batch:
        batch: Batch = []
        size = 0
        while len(batch) < BATCH_EVENTS and size < BATCH_BYTES:
            event = self._queue.take()
            if event is None:
                break
            encoded = self._encode(event)
            if encoded:
                batch.append((event[0], encoded))
                size += len(encoded)
        return batch

    def _encode(self, event: Event) -> bytes:
        try:
            return encode_event(document_of(event))
        except UnsendableEvent as error:
            self._delivery.drop(error.reason, 1, str(error))
            return b""
