"""Stop calling a provider that keeps failing, and let one probe find out when it is back.

A key moves closed -> open after `threshold` failures in a row, open -> half_open for one probe
after `reset_s`, and from there to closed or open by how the probe ends. Each step is one
conditional UPDATE of one row (state, failures, opened_at), so that a database store shared by
many processes lets exactly one of them probe:

    before   UPDATE SET state=half_open, opened_at=now
             WHERE key AND state IN (open, half_open) AND opened_at <= now - reset_s
             one row: this caller probes; none: read the row, go on if closed, else BreakerOpen
    success  UPDATE SET state=closed, failures=0 WHERE key AND state <> open
    failure  UPDATE SET failures=failures+1, and where state=half_open or failures+1 >= threshold
             also state=open, opened_at=now; WHERE key AND state <> open

In half_open, `opened_at` is when the probe began: a probe whose process died is replaced after
`reset_s`. An answer to a call begun before the circuit opened does not close it.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

from kaizen_engine.clock import Clock
from kaizen_engine.errors import BreakerOpen


class Breaker(Protocol):
    """Shared by all threads (and, in a database, all processes) that call one provider."""

    def before(self, key: str) -> None:
        """Return when a call may go out; raises BreakerOpen, or ProbePending to wait for."""
        ...

    def success(self, key: str) -> None: ...

    def failure(self, key: str) -> None:
        """Count one call that failed all its tries. A 429 is not a failure."""
        ...


class ProbePending(BreakerOpen):
    """Another caller is finding out whether the provider is back; ask again shortly."""


@dataclass
class _Circuit:
    state: str = "closed"
    failures: int = 0
    opened_at: float = 0.0


class LocalBreaker:
    """The breaker of one process; `reset_s` should exceed the longest call with its tries."""

    def __init__(self, *, threshold: int = 3, reset_s: float = 300.0, clock: Clock) -> None:
        self._threshold = threshold
        self._reset_s = reset_s
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}
        self._lock = threading.Lock()

    def state(self, key: str) -> str:
        """Return closed, open or half_open."""
        with self._lock:
            return self._circuit(key).state

    def before(self, key: str) -> None:
        with self._lock:
            circuit = self._circuit(key)
            if circuit.state == "closed":
                return
            left = circuit.opened_at + self._reset_s - self._clock.monotonic()
            if left > 0:
                raise _refusal(circuit.state, key, left)
            circuit.state, circuit.opened_at = "half_open", self._clock.monotonic()

    def success(self, key: str) -> None:
        with self._lock:
            circuit = self._circuit(key)
            if circuit.state != "open":
                circuit.state, circuit.failures = "closed", 0

    def failure(self, key: str) -> None:
        with self._lock:
            circuit = self._circuit(key)
            if circuit.state == "open":
                return
            circuit.failures += 1
            if circuit.state == "half_open" or circuit.failures >= self._threshold:
                circuit.state, circuit.opened_at = "open", self._clock.monotonic()

    def _circuit(self, key: str) -> _Circuit:
        return self._circuits.setdefault(key, _Circuit())


def _refusal(state: str, key: str, left: float) -> BreakerOpen:
    if state == "half_open":
        return ProbePending(f"a probe of {key!r} is under way", retry_after=left)
    message = f"{key!r} failed too often and is not called for another {left:.0f} s"
    return BreakerOpen(message, retry_after=left)
