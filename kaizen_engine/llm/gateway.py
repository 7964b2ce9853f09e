"""The one door to any model.

In this order: journal (free) -> reservation -> breaker -> rate limit -> provider, with tries ->
settlement -> journal. Every reason to stop leaves as JobAbort, through the meter, so that no other
thread begins a call afterwards.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kaizen_engine.clock import Clock
from kaizen_engine.errors import JobAbort, PriceUnknown, StoreUnavailable
from kaizen_engine.llm.breaker import Breaker
from kaizen_engine.llm.call import Answered, Call, Door
from kaizen_engine.llm.flights import Flights
from kaizen_engine.llm.journal import Journal
from kaizen_engine.llm.limiter import Limiter
from kaizen_engine.llm.meter import Meter
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.retry import Backoff, Pace, shortened
from kaizen_engine.llm.types import CallRecord, ChatRequest, ChatResponse, LostCall, Provider
from kaizen_engine.states import StopReason


@dataclass(frozen=True)
class Route:
    """How to reach one connection. `key` names it for breaker and limiter across all projects;
    the connection's slug is used where it is empty."""

    provider: Provider
    per_minute: int | None
    prices: PriceBook
    key: str = ""


@dataclass(frozen=True)
class Tuning:
    """Waits of the gateway, in seconds.

    A provider that answers nothing but 429 for `patience_s`, or asks for a longer wait, is down.
    """

    backoff_s: float = 0.5
    patience_s: float = 120.0


@dataclass
class _Samples:
    """Numbers the repeated samples of one request."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, role: str, request_hash: str) -> int:
        with self.lock:
            self.counts[role, request_hash] += 1
            return self.counts[role, request_hash] - 1


def _forget(_: LostCall) -> None:
    """Keep no account of lost calls."""


class Gateway:
    """Thread-safe. One gateway serves one job (or one request of a page) and all its roles.

    `on_lost` hears of every try that may be billed without having brought an answer.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        meter: Meter,
        breaker: Breaker,
        limiter: Limiter,
        journal: Journal,
        clock: Clock,
        call_timeout_s: float = 30.0,
        tries: int = 3,
        seed: int = 0,
        tuning: Tuning = Tuning(),  # noqa: B008 - frozen
        on_lost: Callable[[LostCall], None] = _forget,
    ) -> None:
        self._routes = dict(routes)
        self._meter = meter
        self._journal = journal
        self._samples = _Samples()
        self._flights: Flights[ChatResponse] = Flights()
        self._door = Door(
            meter=meter,
            breaker=breaker,
            limiter=limiter,
            clock=clock,
            backoff=Backoff(base_s=tuning.backoff_s, seed=seed),
            pace=Pace(clock),
            call_timeout_s=call_timeout_s,
            tries=tries,
            patience_s=tuning.patience_s,
            on_lost=on_lost,
        )

    @property
    def meter(self) -> Meter:
        return self._meter

    def complete(
        self, request: ChatRequest, *, role: str, sample: int | None = None
    ) -> ChatResponse:
        """Return the answer to `request`, paid for at most once per job, role and sample.

        At temperature 0 the same request has one answer; above, each call is a new sample, in
        the order of asking. Who names a `sample` gets that one, whoever asked for it before and
        in whatever order. Raises JobAbort, and PriceUnknown before any call is made.
        """
        try:
            if sample is None and request.temperature > 0:
                return self._answer(request, role, self._samples.next(role, request.hash))
            wanted = sample or 0
            return self._flights.share(
                (role, f"{request.hash}/{wanted}"),
                lambda: self._answer(request, role, wanted),
                self._meter.check,
            )
        except PriceUnknown as error:
            self._meter.stop(StopReason.ERROR, shortened(error))
            raise
        except StoreUnavailable as error:
            self._meter.stop(StopReason.WORKER_LOST, shortened(error))
            raise JobAbort(StopReason.WORKER_LOST, shortened(error)) from error
        except Exception as error:
            # DSPy would swallow an ordinary exception and score the prompt 0 for our own bug.
            self._meter.stop(StopReason.ERROR, shortened(error))
            raise JobAbort(StopReason.ERROR, shortened(error)) from error

    def _answer(self, request: ChatRequest, role: str, occurrence: int) -> ChatResponse:
        kept = self._journal.get(role, request.hash, occurrence)
        if kept is not None:
            return kept
        call = self._call(request, role)
        with self._journal.in_flight(call.most):
            answered = call.answer()
            self._journal.record(_record(request, role, occurrence, answered))
        return answered.response

    def _call(self, request: ChatRequest, role: str) -> Call:
        slug, _, model = request.model.partition("/")
        route = self._routes.get(slug)
        if route is None or not model:
            message = f"no connection serves the model {request.model!r}"
            raise LookupError(message)
        return Call(
            door=self._door,
            provider=route.provider,
            key=route.key or slug,
            per_minute=route.per_minute,
            price=route.prices.price(model),
            wire=replace(request, model=model),
            label=request.model,
            role=role,
        )


def _record(request: ChatRequest, role: str, occurrence: int, answered: Answered) -> CallRecord:
    return CallRecord(
        role=role,
        request_hash=request.hash,
        occurrence=occurrence,
        model=request.model,
        response=answered.response,
        cost_usd=answered.cost_usd,
        latency_ms=answered.latency_ms,
        tries=answered.tries,
        messages_hash=request.messages_hash,
    )
