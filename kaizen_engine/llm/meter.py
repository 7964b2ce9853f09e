"""The one place that says yes or no to spending: reserve before a call, settle after it.

A cap is never passed, since a reservation is an upper bound and counts until it is settled. A
reservation that does not fit waits while calls in flight may free enough, and stops the job when
they cannot. A stop is for ever: later callers get JobAbort, so that work still queued in somebody
else's thread pool drains without another call.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from kaizen_engine.clock import Clock
from kaizen_engine.errors import JobAbort
from kaizen_engine.states import StopReason

_LOOK_AGAIN_S = 0.25


@dataclass(frozen=True)
class Budget:
    """Caps of one job; None is no cap. `calls` counts tries that reached a provider."""

    usd: Decimal | None = None
    tokens: int | None = None
    calls: int | None = None
    deadline: datetime | None = None


@dataclass(frozen=True)
class Spent:
    usd: Decimal = Decimal(0)
    tokens: int = 0
    calls: int = 0

    def plus(self, usd: Decimal, tokens: int, calls: int) -> "Spent":
        return Spent(self.usd + usd, self.tokens + tokens, self.calls + calls)


@dataclass(frozen=True, eq=False)
class Reservation:
    """A claim on the budget; settled or refunded exactly once."""

    usd: Decimal
    tokens: int


@dataclass
class _Ledger:
    spent: Spent
    held: Spent = field(default_factory=Spent)
    open: set[Reservation] = field(default_factory=set)


class Meter:
    """Thread-safe. `spent` starts at what earlier attempts of the same job were charged.

    `lease_until`, in monotonic seconds, is when the job may be somebody else's: a process that
    slept through it is refused its next call before anybody had a chance to tell it.
    """

    lease_until: float | None = None

    def __init__(self, budget: Budget, spent: Spent, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._books = _Ledger(spent)
        self._stopped: StopReason | None = None
        self._detail = ""
        self._changed = threading.Condition()

    @property
    def spent(self) -> Spent:
        with self._changed:
            return self._books.spent

    @property
    def stopped(self) -> StopReason | None:
        with self._changed:
            return self._stopped

    @property
    def is_lease_over(self) -> bool:
        return self.lease_until is not None and self._clock.monotonic() > self.lease_until

    def stop(self, reason: StopReason, detail: str = "") -> None:
        """Refuse everything from now on; the first reason stays."""
        with self._changed:
            if self._stopped is None:
                self._stopped, self._detail = reason, detail
            self._changed.notify_all()

    def check(self) -> None:
        """Raise JobAbort when the job was stopped or its deadline has passed."""
        with self._changed:
            self._check()

    def reserve(self, upper_usd: Decimal, upper_tokens: int) -> Reservation:
        """Hold the most that one call can cost; waits for room. Raises JobAbort."""
        wanted = Spent(upper_usd, upper_tokens, 1)
        with self._changed:
            while True:
                self._check()
                if self._over(self._books.spent, self._books.held, wanted) is None:
                    return self._hold(upper_usd, upper_tokens)
                hopeless = self._over(self._books.spent, wanted)
                if hopeless is not None:
                    self._abort(hopeless, "the next call might pass the cap")
                self._changed.wait(self._patience())

    def settle(self, reservation: Reservation, usd: Decimal, tokens: int) -> None:
        """Replace the reservation by what the call was charged with."""
        with self._changed:
            self._release(reservation)
            self._books.spent = self._books.spent.plus(usd, tokens, 1)
            self._changed.notify_all()

    def refund(self, reservation: Reservation) -> None:
        """Give the reservation back: no provider was called."""
        with self._changed:
            self._release(reservation)
            self._changed.notify_all()

    def seconds_left(self) -> float | None:
        """Return the time to the deadline, None where there is none."""
        if self._budget.deadline is None:
            return None
        return (self._budget.deadline - self._clock.now()).total_seconds()

    def pause(self, seconds: float) -> None:
        """Sleep, but not past a stop or the deadline: raises JobAbort at once on either.

        A wait that would end after the deadline is not begun, since nothing could follow it.
        """
        until = self._clock.monotonic() + seconds
        left = self.seconds_left()
        if left is not None and seconds >= left:
            detail = f"a wait of {seconds:.1f} s would end after the deadline"
            self.stop(StopReason.TIMEOUT, detail)
        self.check()
        while (remaining := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(remaining, _LOOK_AGAIN_S))
            self.check()

    def _check(self) -> None:
        left = self.seconds_left()
        if self._stopped is None and left is not None and left <= 0:
            self._stopped, self._detail = StopReason.TIMEOUT, "the deadline has passed"
            self._changed.notify_all()
        if self._stopped is None and self.is_lease_over:
            self._stopped, self._detail = StopReason.WORKER_LOST, "the lease is over"
            self._changed.notify_all()
        if self._stopped is not None:
            raise JobAbort(self._stopped, self._detail)

    def _abort(self, reason: StopReason, detail: str) -> None:
        self._stopped, self._detail = reason, detail
        self._changed.notify_all()
        raise JobAbort(reason, detail)

    def _over(self, *parts: Spent) -> StopReason | None:
        """Return the first cap that these sums together would pass."""
        budget = self._budget
        if budget.usd is not None and sum((p.usd for p in parts), Decimal(0)) > budget.usd:
            return StopReason.BUDGET_USD
        if budget.tokens is not None and sum(p.tokens for p in parts) > budget.tokens:
            return StopReason.BUDGET_TOKENS
        if budget.calls is not None and sum(p.calls for p in parts) > budget.calls:
            return StopReason.CALLS
        return None

    def _hold(self, usd: Decimal, tokens: int) -> Reservation:
        reservation = Reservation(usd, tokens)
        self._books.open.add(reservation)
        self._books.held = self._books.held.plus(usd, tokens, 1)
        return reservation

    def _release(self, reservation: Reservation) -> None:
        if reservation not in self._books.open:
            message = "this reservation was settled or refunded before"
            raise ValueError(message)
        self._books.open.remove(reservation)
        self._books.held = self._books.held.plus(-reservation.usd, -reservation.tokens, -1)

    def _patience(self) -> float:
        left = self.seconds_left()
        return _LOOK_AGAIN_S if left is None else max(0.0, min(_LOOK_AGAIN_S, left))
