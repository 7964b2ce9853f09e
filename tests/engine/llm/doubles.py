"""A scripted provider and a gateway around it, without network, on a frozen clock."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kaizen_engine.clock import Clock, FrozenClock
from kaizen_engine.errors import ProviderUnavailable
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route, Tuning
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import ChatRequest, ChatResponse, LostCall, Price

PRICE = Price(Decimal("1.00"), Decimal("2.00"))
Act = Callable[[ChatRequest], ChatResponse] | BaseException | str


@dataclass
class ScriptedProvider:
    """Follows `acts` one by one, then answers "fine"; notes when each call began."""

    clock: Clock
    acts: list[Act] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def calls(self) -> int:
        return len(self.began)

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        with self.lock:
            self.began.append(self.clock.monotonic())
            self.requests.append(request)
            self.timeouts.append(timeout_s)
            act = self.acts.pop(0) if self.acts else "fine"
        if isinstance(act, BaseException):
            raise act
        return ChatResponse(act, 10, 5) if isinstance(act, str) else act(request)


@dataclass
class Stage:
    provider: Any
    clock: Clock
    budget: Budget = Budget()
    per_minute: int | None = None
    prices: PriceBook = field(default_factory=lambda: PriceBook({"small": PRICE}))
    lost: list[LostCall] = field(default_factory=list)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    tuning: Tuning = field(default_factory=Tuning)

    def __post_init__(self) -> None:
        self.meter = Meter(self.budget, Spent(), self.clock)
        self.breaker = LocalBreaker(threshold=3, reset_s=300, clock=self.clock)

    def gateway(self) -> Gateway:
        route = Route(self.provider, self.per_minute, self.prices)
        return Gateway(
            {"acme": route},
            meter=self.meter,
            breaker=self.breaker,
            limiter=LocalLimiter(self.clock),
            journal=self.journal,
            clock=self.clock,
            on_lost=self.lost.append,
            tuning=self.tuning,
        )


def stage(*acts: Act, **options: Any) -> Stage:
    clock = FrozenClock()
    return Stage(ScriptedProvider(clock, list(acts)), clock, **options)


def ask(text: str = "hello", *, temperature: float = 0.0, max_tokens: int = 100) -> ChatRequest:
    messages = ({"role": "user", "content": text},)
    return ChatRequest("acme/small", messages, max_tokens, temperature)


class VaryingProvider:
    """Answers of random length up to all of `max_tokens`; a tenth fail and are billed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.calls = 0

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        with self._lock:
            self.calls += 1
            tokens = self._random.randint(1, request.max_tokens)
            fails = self._random.random() < 0.1
        if fails:
            raise ProviderUnavailable("truncated", billable=True)
        return ChatResponse("word " * tokens, 20, tokens)
