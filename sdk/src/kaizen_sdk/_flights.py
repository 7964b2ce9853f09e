"""At most one request in the air for each key; who comes later waits for its landing."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

import httpx

from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._prompt_cache import Entry, Key
from kaizen_sdk._protocol import Call


@dataclass(eq=False, slots=True)
class Flight:
    """`landing` is True when the question was settled, False when whoever asked was cancelled."""

    key: Key
    held: Entry | None
    call: Call
    response: httpx.Response | None = None
    landing: Future[bool] = field(default_factory=Future)

    def __post_init__(self) -> None:
        # From now on nobody can cancel it: a waiter that is cancelled leaves the others waiting.
        self.landing.set_running_or_notify_cancel()

    def wait(self, timeout_s: float) -> bool:
        """Return False where the request was abandoned and somebody else must make it."""
        try:
            return self.landing.result(timeout_s)
        except TimeoutError:
            return True


class Flights:
    def __init__(self) -> None:
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._in_the_air: dict[Key, Flight] = {}

    def board(self, flight: Flight) -> Flight:
        """Return the flight that is in the air for this key: `flight`, or an earlier one."""
        with self._lock:
            return self._in_the_air.setdefault(flight.key, flight)

    def land(self, flight: Flight, *, is_settled: bool) -> None:
        with self._lock:
            self._in_the_air.pop(flight.key, None)
        flight.landing.set_result(is_settled)

    def all(self) -> list[Flight]:
        with self._lock:
            return list(self._in_the_air.values())
