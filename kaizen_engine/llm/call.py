"""One call with its tries: what is waited for, what is charged, and when it is given up.

Each try has a reservation of its own, since a try that brings no answer may be billed as well. A
429 is a request to wait and uses up no try; all other retryable failures do. A call that failed
all its tries is one failure for the breaker, and begins anew while the breaker stays closed. When
others are answered meanwhile, the request is at fault and not the provider: that counts nothing
for the breaker, and ends the job once the request has failed in several rounds of tries.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import NoReturn

from kaizen_engine.clock import Clock
from kaizen_engine.errors import (
    BreakerOpen,
    JobAbort,
    KaizenError,
    ProviderError,
    ProviderRateLimited,
)
from kaizen_engine.llm.breaker import Breaker, ProbePending
from kaizen_engine.llm.limiter import Limiter
from kaizen_engine.llm.meter import Meter, Reservation
from kaizen_engine.llm.pricing import cost, request_upper_bound, response_cost
from kaizen_engine.llm.retry import Backoff, Pace, shortened
from kaizen_engine.llm.types import ChatRequest, ChatResponse, LostCall, Price, Provider
from kaizen_engine.states import StopReason

_PROBE_POLL_S = 0.2
_SHORTEST_TIMEOUT_S = 0.05
_LONE_ROUNDS = 3


@dataclass(frozen=True)
class Door:
    """What all calls of one gateway share."""

    meter: Meter
    breaker: Breaker
    limiter: Limiter
    clock: Clock
    backoff: Backoff
    pace: Pace
    call_timeout_s: float
    tries: int
    patience_s: float
    on_lost: Callable[[LostCall], None]


@dataclass(frozen=True)
class Answered:
    response: ChatResponse
    cost_usd: Decimal
    latency_ms: int
    tries: int


@dataclass
class Call:
    """Used by one thread, once. `wire` is the request as the provider sees it."""

    door: Door
    provider: Provider
    key: str
    per_minute: int | None
    price: Price
    wire: ChatRequest
    label: str
    role: str
    tries: int = 0
    failures: int = 0
    rounds: int = 0
    lone_rounds: int = 0
    failing_since: float = 0.0
    deferrals: int = 0
    deferred_at: float | None = None
    is_admitted: bool = False

    def answer(self) -> Answered:
        """Return the first answer; raises JobAbort when there will be none."""
        while True:
            reservation = self.door.meter.reserve(self._upper_usd, self._upper_tokens)
            try:
                self._wait_for_a_turn()
            except ProbePending:
                self.door.meter.refund(reservation)
                self.door.meter.pause(_PROBE_POLL_S)
                continue
            except BreakerOpen as error:
                self.door.meter.refund(reservation)
                self._give_up(StopReason.PROVIDER_DOWN, error)
            except BaseException:
                self.door.meter.refund(reservation)
                raise
            try:
                return self._try(reservation)
            except ProviderRateLimited as error:
                self._defer(error)
            except ProviderError as error:
                self._fail(error)

    @cached_property
    def most(self) -> LostCall:
        """Return the most that one try can be charged with."""
        return LostCall(
            role=self.role,
            model=self.label,
            input_tokens=self._input_bound,
            output_tokens=self.wire.max_tokens,
            cost_usd=self._upper_usd,
        )

    @cached_property
    def _input_bound(self) -> int:
        return request_upper_bound(self.wire)

    @cached_property
    def _upper_tokens(self) -> int:
        return self._input_bound + self.wire.max_tokens

    @cached_property
    def _upper_usd(self) -> Decimal:
        return cost(self.price, self._input_bound, self.wire.max_tokens)

    def _wait_for_a_turn(self) -> None:
        """Pass breaker, pause and rate limit; the last look is for a stop meanwhile."""
        meter = self.door.meter
        if not self.is_admitted:
            self.door.breaker.before(self.key)
            self.is_admitted = True
            if self.rounds:
                meter.pause(self.door.backoff.seconds(self.rounds))
        while (hold := self.door.pace.hold_left(self.key)) > 0:
            meter.pause(hold)
        if self.per_minute:
            while (full := self.door.limiter.acquire(self.key, self.per_minute)) > 0:
                meter.pause(full)
        meter.check()

    def _try(self, reservation: Reservation) -> Answered:
        self.tries += 1
        began = self.door.clock.monotonic()
        try:
            response = self.provider.complete(self.wire, timeout_s=self._timeout_s())
        except ProviderError as error:
            self._charge_failure(reservation, is_billable=error.billable)
            raise
        except BaseException:
            # Nobody knows how far this one came, so it counts as billed.
            self._charge_failure(reservation, is_billable=True)
            raise
        latency_ms = round((self.door.clock.monotonic() - began) * 1000)
        response = self._counted(response)
        cost_usd = self._charge(reservation, response)
        self.door.breaker.success(self.key)
        self.door.pace.answered(self.key, began)
        return Answered(response, cost_usd, latency_ms, self.tries)

    def _timeout_s(self) -> float:
        left = self.door.meter.seconds_left()
        if left is None:
            return self.door.call_timeout_s
        return max(_SHORTEST_TIMEOUT_S, min(self.door.call_timeout_s, left))

    def _counted(self, response: ChatResponse) -> ChatResponse:
        """Put the bounds, the only safe figures, where the provider told no usage or nonsense."""
        if response.input_tokens > 0 and response.output_tokens >= 0:
            return response
        return replace(response, input_tokens=self._input_bound, output_tokens=self.wire.max_tokens)

    def _charge(self, reservation: Reservation, response: ChatResponse) -> Decimal:
        cost_usd = response_cost(self.price, response)
        tokens = response.input_tokens + response.output_tokens
        self.door.meter.settle(reservation, cost_usd, tokens)
        return cost_usd

    def _charge_failure(self, reservation: Reservation, *, is_billable: bool) -> None:
        if not is_billable:
            self.door.meter.settle(reservation, Decimal(0), 0)
            return
        self.door.meter.settle(reservation, reservation.usd, reservation.tokens)
        self.door.on_lost(self.most)

    def _defer(self, error: ProviderRateLimited) -> None:
        """Hold everybody back for as long as the provider asks, within patience."""
        if self.deferred_at is None:
            self.deferred_at = self.door.clock.monotonic()
        self.deferrals += 1
        # A provider that names a wait is taken at its word, however often it does.
        growth = self.deferrals if error.retry_after is None else 1
        wait_s = self.door.backoff.seconds(growth, error.retry_after)
        self._hold(wait_s, self.door.pace.silent_s(self.key, self.deferred_at), error)

    def _fail(self, error: ProviderError) -> None:
        if not error.retryable:
            if error.status is not None:
                self.door.breaker.success(self.key)
            self._give_up(StopReason.ERROR, error)
        self.failures += 1
        if self.failures == 1:
            self.failing_since = self.door.clock.monotonic()
        if self.failures < self.door.tries:
            wait_s = self.door.backoff.seconds(self.failures, error.retry_after)
            self._check_patience(wait_s, error)
            self.door.meter.pause(wait_s)
            return
        self._end_round(error)

    def _end_round(self, error: ProviderError) -> None:
        """Blame the provider, or this request where a later one was answered meanwhile."""
        if self.door.pace.has_answered_since(self.key, self.failing_since):
            self.lone_rounds += 1
            if self.lone_rounds >= _LONE_ROUNDS:
                self._give_up(StopReason.ERROR, self._named(error))
        else:
            self.door.breaker.failure(self.key)
        self.is_admitted, self.failures, self.rounds = False, 0, self.rounds + 1
        if error.retry_after:
            self._hold(error.retry_after, 0.0, error)

    def _named(self, error: ProviderError) -> KaizenError:
        """Name the request by its hash: its text may be a row that nobody is to see."""
        return KaizenError(
            f"the {self.role}'s request {self.wire.messages_hash[:12]} failed {self.tries} times "
            f"while others were answered: {error}"
        )

    def _hold(self, wait_s: float, silent_s: float, error: ProviderError) -> None:
        self._check_patience(silent_s + wait_s, error)
        self.door.pace.hold(self.key, wait_s)

    def _check_patience(self, seconds: float, error: ProviderError) -> None:
        if seconds > self.door.patience_s:
            self._give_up(StopReason.PROVIDER_DOWN, error)

    def _give_up(self, reason: StopReason, error: Exception) -> NoReturn:
        self.door.meter.stop(reason, shortened(error))
        raise JobAbort(reason, shortened(error)) from error
