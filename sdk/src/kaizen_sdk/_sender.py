"""The background delivery of feedback: one daemon thread behind a bounded queue.

Nothing in here raises into the application or makes it wait, except `flush` and `close`, which
wait as long as they are told.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kaizen_sdk._clock import Bell, Clock
from kaizen_sdk._delivery import MAX_TRIES, Decision, Step, after_failure, is_retryable_status
from kaizen_sdk._events import UnsendableEvent, encode_event
from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._protocol import ItemResult
from kaizen_sdk._queue import Event, EventQueue
from kaizen_sdk._reporter import Reporter
from kaizen_sdk.errors import FeedbackDropped, KaizenError, ServerError

BATCH_EVENTS = 100
BATCH_BYTES = 1024 * 1024
LINGER_S = 1.0

Post = Callable[[Sequence[bytes]], Sequence[ItemResult]]
Batch = list[tuple[str, bytes]]


class Sender:
    """Starts its thread with the first event, and again in a forked child."""

    def __init__(
        self,
        queue: EventQueue,
        to_document: Callable[[Event], Mapping[str, Any]],
        post: Post,
        *,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._queue = queue
        self._to_document = to_document
        self._post = post
        self._clock = clock
        self._reporter = reporter
        self._closed = False
        self._start_afresh()
        reset_in_children(self)

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._bell = Bell()
        self._progress = threading.Condition()
        self._is_idle = False
        self._flush_target = 0
        self._give_up_at = float("inf")

    def reset_after_fork(self) -> None:
        """Forget the parent's events, which the parent delivers, and its thread."""
        self._queue.reset()
        self._start_afresh()

    def submit(self, event: Event, size: int) -> None:
        if self._pid != os.getpid():
            self.reset_after_fork()
        if self._closed:
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
            self._bell.ring()
        if self._closed:
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
        with self._progress:
            self._flush_target = max(self._flush_target, target)
            self._bell.ring()
            return self._progress.wait_for(lambda: self._queue.finished >= target, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Refuse new events, deliver what waits for at most `timeout_s`, drop the rest."""
        thread = self._thread
        self.close_soon(timeout_s)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self._drop_waiting()

    def close_soon(self, timeout_s: float) -> None:
        """Like `close`, without waiting for the thread."""
        if not self._closed:
            self._closed = True
            self._give_up_at = time.monotonic() + timeout_s
            self._bell.ring()

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
            self._drop_waiting()

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
            self._deliver(batch)

    def _wait_for_work(self) -> bool:
        """Return once a batch is due, False when closed and there is nothing left to do."""
        while not len(self._queue):
            if self._closed:
                return False
            self._is_idle = True
            # An event that came before the flag was set rang no bell.
            if not len(self._queue) and not self._closed:
                self._bell.wait()
            self._is_idle = False
        if not self._is_due():
            self._clock.wait(self._bell, LINGER_S)
        return True

    def _is_due(self) -> bool:
        queue = self._queue
        full = len(queue) >= BATCH_EVENTS or queue.bytes >= BATCH_BYTES
        return full or self._closed or self._flush_target > queue.taken

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
            return encode_event(self._to_document(event))
        except UnsendableEvent as error:
            self._drop(error.reason, 1, str(error))
            return b""

    def _deliver(self, batch: Batch) -> None:
        waiting = [batch]
        while waiting:
            waiting.extend(reversed(self._send(waiting.pop())))

    def _send(self, batch: Batch) -> list[Batch]:
        """Try until the batch is settled; return its halves where they must go separately."""
        tries = 0
        while batch:
            if self._is_late():
                self._give_up(batch)
                break
            batch, error = self._attempt(batch)
            if error is None:
                break
            tries += 1
            decision = after_failure(error, tries=tries, items=len(batch))
            if decision.step is Step.SPLIT:
                return [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            if self._is_late() or (self._closed and decision.step is Step.PAUSE):
                self._give_up(batch)
                break
            if decision.step is Step.DROP:
                self._drop(error.code, len(batch), str(error))
                break
            if decision.step is Step.PAUSE:
                self._reporter.report("server away, feedback waits", error)
                tries = MAX_TRIES - 1
            self._queue.retries += 1
            self._rest(decision)
        return []

    def _attempt(self, batch: Batch) -> tuple[Batch, KaizenError | None]:
        """Post once; return the events that are not settled yet, and why."""
        try:
            results = self._post([encoded for _, encoded in batch])
        except KaizenError as error:
            return batch, error
        except Exception as error:  # the thread must outlive whatever a transport raises
            return batch, KaizenError(f"{type(error).__name__}: {error}")
        left = self._settle(batch, {result.event_id: result for result in results})
        if not left:
            return left, None
        return left, ServerError(f"the server failed on {len(left)} event(s)", status=500)

    def _settle(self, batch: Batch, results: Mapping[str, ItemResult]) -> Batch:
        left: Batch = []
        rejected: Counter[str] = Counter()
        for event_id, encoded in batch:
            result = results.get(event_id, ItemResult(event_id, 422, "unanswered"))
            if is_retryable_status(result.status):
                left.append((event_id, encoded))
            elif result.status >= 400:  # noqa: PLR2004
                rejected[result.code or str(result.status)] += 1
        for code, count in rejected.items():
            dropped = FeedbackDropped(code, count, "rejected by the server")
            self._reporter.report(f"feedback rejected ({code})", dropped)
        delivered = len(batch) - len(left) - sum(rejected.values())
        self._queue.finish(delivered=delivered, rejected=rejected)
        self._notify()
        return left

    def _is_late(self) -> bool:
        return time.monotonic() >= self._give_up_at

    def _give_up(self, batch: Batch) -> None:
        self._drop("closed", len(batch), "not delivered before close")
        self._drop_waiting()

    def _drop_waiting(self) -> None:
        count = self._queue.clear()
        if count:
            self._drop("closed", count, "not delivered before close")

    def _drop(self, reason: str, count: int, detail: str) -> None:
        # Reported first: when flush returns, the application knows.
        dropped = FeedbackDropped(reason, count, detail)
        self._reporter.report(f"feedback dropped ({reason})", dropped)
        self._queue.finish(dropped={reason: count})
        self._notify()

    def _notify(self) -> None:
        with self._progress:
            self._progress.notify_all()

    def _rest(self, decision: Decision) -> None:
        """Wait as decided. Closing ends any wait, a new flush ends a pause."""
        if self._closed:
            left = max(0.0, self._give_up_at - time.monotonic())
            self._bell.wait(min(decision.delay_s, left))
            return
        end = self._clock.monotonic() + decision.delay_s
        flush_target = self._flush_target
        while not self._closed and (left := end - self._clock.monotonic()) > 0:
            self._clock.wait(self._bell, left)
            if decision.step is Step.PAUSE and self._flush_target > flush_target:
                return
