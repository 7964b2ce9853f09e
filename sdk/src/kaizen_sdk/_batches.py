"""A batch on its way: posted until each of its events is delivered, rejected or dropped."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from kaizen_sdk._clock import Bell, Clock
from kaizen_sdk._delivery import MAX_TRIES, Decision, Step, after_failure, is_retryable_status
from kaizen_sdk._protocol import ItemResult
from kaizen_sdk._queue import EventQueue
from kaizen_sdk._reporter import Reporter
from kaizen_sdk.errors import FeedbackDropped, KaizenError, ServerError

Post = Callable[[Sequence[bytes]], Sequence[ItemResult]]
Batch = list[tuple[str, bytes]]


class Demands:
    """What the application asks of the thread that delivers: to hurry with a flush, to close.

    `bell` wakes that thread, `progress` whoever waits for it. `give_up_at` is in monotonic seconds
    of the machine: a close ends in real time, whatever clock the client was given.
    """

    def __init__(self) -> None:
        self.closed = False
        self.reset()

    def reset(self) -> None:
        """Start afresh in a forked child, where a client that was closed stays closed."""
        self.bell = Bell()
        self.progress = threading.Condition()
        self.flush_target = 0
        self.give_up_at = float("inf")

    def close(self, timeout_s: float) -> None:
        """End soon; a second wish to do so changes nothing."""
        if not self.closed:
            self.closed = True
            self.give_up_at = time.monotonic() + timeout_s
            self.bell.ring()

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.give_up_at

    def notify(self) -> None:
        with self.progress:
            self.progress.notify_all()


class BatchDelivery:
    """Runs in the sender's thread, except for `drop_waiting`, which `close` may call as well."""

    def __init__(
        self, queue: EventQueue, post: Post, demands: Demands, *, clock: Clock, reporter: Reporter
    ) -> None:
        self._queue = queue
        self._post = post
        self._demands = demands
        self._clock = clock
        self._reporter = reporter

    def deliver(self, batch: Batch) -> None:
        """Return once every event is settled, or given up because the client closes."""
        waiting = [batch]
        while waiting:
            waiting.extend(reversed(self._send(waiting.pop())))

    def drop(self, reason: str, count: int, detail: str) -> None:
        """Settle events that will not be delivered."""
        # Reported first: when flush returns, the application knows.
        dropped = FeedbackDropped(reason, count, detail)
        self._reporter.report(f"feedback dropped ({reason})", dropped)
        self._queue.finish(dropped={reason: count})
        self._demands.notify()

    def drop_waiting(self) -> None:
        """Give up what is still in the queue."""
        count = self._queue.clear()
        if count:
            self.drop("closed", count, "not delivered before close")

    def _send(self, batch: Batch) -> list[Batch]:
        """Try until the batch is settled; return its halves where they must go separately."""
        tries = 0
        while batch:
            if self._demands.is_late:
                self._give_up(batch)
                break
            batch, error = self._attempt(batch)
            if error is None:
                break
            tries += 1
            decision = after_failure(error, tries=tries, items=len(batch))
            if decision.step is Step.SPLIT:
                return [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            if self._demands.is_late or (self._demands.closed and decision.step is Step.PAUSE):
                self._give_up(batch)
                break
            if decision.step is Step.DROP:
                self.drop(error.code, len(batch), str(error))
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
        self._demands.notify()
        return left

    def _give_up(self, batch: Batch) -> None:
        self.drop("closed", len(batch), "not delivered before close")
        self.drop_waiting()

    def _rest(self, decision: Decision) -> None:
        """Wait as decided. Closing ends any wait, a new flush ends a pause."""
        if self._demands.closed:
            left = max(0.0, self._demands.give_up_at - time.monotonic())
            self._demands.bell.wait(min(decision.delay_s, left))
            return
        end = self._clock.monotonic() + decision.delay_s
        flush_target = self._demands.flush_target
        while not self._demands.closed and (left := end - self._clock.monotonic()) > 0:
            self._clock.wait(self._demands.bell, left)
            if decision.step is Step.PAUSE and self._demands.flush_target > flush_target:
                return
