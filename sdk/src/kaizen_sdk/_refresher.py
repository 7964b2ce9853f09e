"""The thread that keeps prompts in use fresh: polls them, and refreshes what callers found old."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from kaizen_sdk._clock import Bell, Clock
from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._reporter import Reporter
from kaizen_sdk.errors import KaizenError


class Refresher:
    """Starts its thread when there is something to do, and again in a forked child.

    `poll` does what is due, `next_poll_in_s` says when to call it (None: not before a ring).
    """

    def __init__(
        self,
        poll: Callable[[], None],
        next_poll_in_s: Callable[[], float | None],
        *,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._poll = poll
        self._next_poll_in_s = next_poll_in_s
        self._clock = clock
        self._reporter = reporter
        self.is_closed = False
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._bell = Bell()
        self._errands: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None

    def run_soon(self, errand: Callable[[], None]) -> bool:
        """Run `errand` in the thread; False where there is none to be had."""
        if not self._start():
            return False
        self._errands.append(errand)
        self._bell.ring()
        return True

    def watch(self) -> None:
        """Look at the times of the next polls anew."""
        if self._thread is None:
            self._start()
        elif self._thread is not threading.current_thread():
            self._bell.ring()

    def close(self) -> None:
        self.is_closed = True
        self._bell.ring()

    def _start(self) -> bool:
        with self._lock:
            if self._thread is None and not self.is_closed:
                thread = threading.Thread(target=self._run, name="kaizen-sdk-prompts", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # the next call tries again
                    self._reporter.report("no refresh thread", KaizenError(str(error)))
                    return False
                self._thread = thread
            return self._thread is not None

    def _run(self) -> None:
        bell, errands = self._bell, self._errands
        while not self.is_closed:
            is_rung = self._clock.rest(bell, self._next_poll_in_s())
            while errands:
                errands.popleft()()
            if not is_rung and not self.is_closed:
                self._poll()
