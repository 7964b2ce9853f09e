"""What the tests of the search share: scripted models, a task that can be learned, a gateway."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import dspy

from kaizen_engine.clock import SystemClock
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route, Tuning
from kaizen_engine.llm.journal import Journal, MemoryJournal
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.types import ChatRequest, ChatResponse, Price, Provider
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.optimize.job import EvaluationEvent, JobSpec, TrialEvent
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.states import Origin, Split

Answer = Callable[[ChatRequest], str | ChatResponse]


class ScriptedDoor:
    """A gateway that answers by a function and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest, *, role: str) -> ChatResponse:
        assert role == "student"
        with self._lock:
            self.requests.append(request)
        answer = self._answer(request)
        return answer if isinstance(answer, ChatResponse) else ChatResponse(answer, 1, 1)


def template(model: str = "demo/model", max_tokens: int = 64) -> ChatRequest:
    return ChatRequest(model, (), max_tokens)


def run_program(program: PromptProgram, inputs: Mapping[str, Any], door: ScriptedDoor) -> Any:
    engine = GatewayEngine(door, role="student", template=template())
    with dspy.context(lm=gateway_lm(engine, role="student"), disable_history=True):
        return program(**program.adapter.to_inner_inputs(inputs))


def ask(
    artifact: PromptArtifact, inputs: Mapping[str, Any], answer: Answer
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Return the parsed outputs, and the messages that reached the door."""
    door = ScriptedDoor(answer)
    program = PromptProgram.from_artifact(artifact)
    prediction = run_program(program, inputs, door)
    outputs = program.adapter.to_outputs(prediction)
    return outputs, [request.messages for request in door.requests]


CLOCK = SystemClock()
PRICE = Price(Decimal(1), Decimal(2))
PRICES = PriceBook({"words": PRICE, "strong": PRICE})
MODEL = "demo/words"
WORDS = {
    "red": ("refund", "invoice", "charge", "receipt", "payment"),
    "blue": ("crash", "freeze", "bug", "screen", "error"),
    "green": ("password", "login", "access", "locked", "reset"),
    "grey": ("parcel", "courier", "late", "delivery", "address"),
}
FILLER = ("please", "today", "my", "customer", "when", "order", "phone", "week", "again", "still")
SEED_PROMPT = PromptArtifact(
    system="Sort the message into one colour.",
    user_template="Message: {{text}}",
    inputs=(InputField("text"),),
    outputs=(OutputField("colour", enum=tuple(WORDS)),),
)


def generated_rows(
    train: int = 40, dev: int = 60, test: int = 100, *, seed: int = 0, shuffled: bool = False
) -> list[Example]:
    """Messages whose words give the colour away, or colours dealt at random."""
    rng = random.Random(seed)
    splits = [Split.TRAIN] * train + [Split.DEV] * dev + [Split.TEST] * test
    colours = [rng.choice(tuple(WORDS)) for _ in splits]
    texts = [_text(rng, colour, number) for number, colour in enumerate(colours)]
    if shuffled:
        rng.shuffle(colours)
    return [
        Example(
            id=f"row-{number:03}",
            inputs={"text": text},
            outputs={"colour": colour},
            split=split,
            group=f"group-{number}",
            origin=Origin.RANDOM,
            deciding=True,
        )
        for number, (split, colour, text) in enumerate(zip(splits, colours, texts, strict=True))
    ]


def _text(rng: random.Random, colour: str, number: int) -> str:
    words = [*rng.sample(WORDS[colour], 1), *rng.sample(FILLER, 4)]
    rng.shuffle(words)
    return f"{' '.join(words)} {number}"


class CountingProvider:
    """Passes calls on and remembers them; `before` may raise, stop the job or answer itself."""

    def __init__(
        self,
        inner: Provider | None = None,
        before: Callable[[int, ChatRequest], ChatResponse | None] | None = None,
    ) -> None:
        self._inner = inner or DemoModel()
        self._before = before
        self._lock = threading.Lock()
        self.requests: list[ChatRequest] = []

    @property
    def calls(self) -> int:
        return len(self.requests)

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        answer = self._before(number, request) if self._before else None
        return answer or self._inner.complete(request, timeout_s=timeout_s)


def make_gateway(
    provider: Provider,
    *,
    budget: Budget | None = None,
    spent: Spent | None = None,
    journal: Journal | None = None,
) -> Gateway:
    meter = Meter(budget or Budget(), spent or Spent(), CLOCK)
    return Gateway(
        {"demo": Route(provider, None, PRICES)},
        meter=meter,
        breaker=LocalBreaker(clock=CLOCK),
        limiter=LocalLimiter(CLOCK),
        journal=journal or MemoryJournal(),
        clock=CLOCK,
        tuning=Tuning(backoff_s=0.001),
    )


def make_spec(rows: Sequence[Example] | None = None, **changes: Any) -> JobSpec:
    settings = {"num_trials": 3, "max_demos": 16, "max_bootstrapped_demos": 2}
    spec = JobSpec(SEED_PROMPT, rows or generated_rows(), MODEL, settings=settings)
    return replace(spec, **changes)


class RecordedEvents:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def phase(self, name: str) -> None:
        self.heard.append(name)

    def trial(self, event: TrialEvent) -> None:
        self.heard.append(event)

    def evaluation(self, event: EvaluationEvent) -> None:
        self.heard.append(event)


def wait_for_other_threads() -> None:
    """Let DSPy's abandoned pool threads end, so that a call they still made would show."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(timeout=10)
