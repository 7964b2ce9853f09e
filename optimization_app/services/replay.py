"""A finished job run again from its record: the same rows, the same answers, no model.

Nothing is written. Figures of spending are left out, since a replay spends nothing.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Lock
from typing import Any

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, ProviderRejected
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import CallRecord, ChatRequest, ChatResponse, LostCall, Price
from kaizen_engine.optimize.outcome import EvaluationEvent, JobEvents, JobOutcome
from kaizen_engine.optimize.strategy import TrialEvent
from kaizen_engine.prompts.artifact import canonical_json
from kaizen_engine.states import StopReason
from optimization_app.evidence import best_artifact, figures_of
from optimization_app.services.recording import Answers, Facts, Recording

FREE = Price(Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Replay:
    """`asked` counts calls that the journal had no answer to; each of them was refused."""

    winner: str
    answers: int
    asked: int
    rows: int
    trials: int
    differences: tuple[str, ...]
    hints: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        return not self.differences


def recording_replay(recording: Recording, events: JobEvents) -> Replay:
    """Run what was recorded again and compare; the database is not asked."""
    refusal = Refusal()
    outcome = _run(recording, _gateway(recording, refusal), events)
    best = best_artifact(outcome)
    return Replay(
        winner=best.hash if best else "",
        answers=len(recording.answers),
        asked=refusal.asked,
        rows=sum(len(event.rows) for event in outcome.evaluations),
        trials=len(outcome.trials),
        differences=tuple(_differences(recording, outcome, refusal.asked)),
        hints=tuple(_hints(recording, outcome)),
    )


class ReplayJournal:
    """The recorded answers of one job; nothing is added to them."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None:
        return self._answers.get((role, request_hash, occurrence))

    def record(self, call: CallRecord) -> None:
        message = "a replay makes no calls, so there is nothing to record"
        raise AssertionError(message)

    def in_flight(self, most: LostCall) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class Refusal:
    """A provider that refuses every call and counts them."""

    asked: int = 0
    lock: Lock = field(default_factory=Lock)

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        with self.lock:
            self.asked += 1
        message = f"the journal has no answer to a call of {request.model}"
        raise ProviderRejected(message)


@dataclass(frozen=True)
class _AsFar:
    """Ends the replay of a stopped job where the job itself was stopped.

    Answers alone do not say where: those of its last, unfinished step are in the journal too.
    """

    recording: Recording
    events: JobEvents

    @property
    def labels(self) -> set[str]:
        return {label for label, _ in self.recording.scores}

    def phase(self, name: str) -> None:
        self.events.phase(name)

    def trial(self, event: TrialEvent) -> None:
        self._go_on((event.number,) in self.recording.trials)
        self.events.trial(event)

    def evaluation(self, event: EvaluationEvent) -> None:
        self._go_on(event.label in self.labels)
        self.events.evaluation(event)

    def _go_on(self, is_recorded: bool) -> None:
        if not is_recorded:
            raise JobAbort(self.recording.stop_reason, "the job was stopped here")


def _gateway(recording: Recording, refusal: Refusal) -> Gateway:
    clock = SystemClock()
    models = [name.partition("/") for name in recording.models]
    prices = PriceBook({model: FREE for _, _, model in models})
    return Gateway(
        {slug: Route(refusal, None, prices) for slug, _, _ in models},
        meter=Meter(Budget(), Spent(), clock),
        breaker=LocalBreaker(clock=clock),
        limiter=LocalLimiter(clock),
        journal=ReplayJournal(recording.answers),
        clock=clock,
        tries=1,
    )


def _run(recording: Recording, gateway: Gateway, events: JobEvents) -> JobOutcome:
    from kaizen_engine.optimize.job import run_job

    heard = _AsFar(recording, events) if recording.was_stopped else events
    outcome = run_job(recording.spec, gateway, heard)
    if not recording.was_stopped or outcome.stop_reason is StopReason.FINISHED:
        return outcome
    # A job that was stopped has no answer to the call it was stopped at.
    return replace(outcome, stop_reason=recording.stop_reason)


def _differences(recording: Recording, outcome: JobOutcome, asked: int) -> list[str]:
    found = []
    if asked and not recording.was_stopped:
        found.append(f"{asked} call(s) have no answer in the journal: {outcome.stop_detail}")
    if recording.rows_hash != recording.evidence.get("dataset_hash"):
        found.append("the rows: some were changed or deleted since")
    best = best_artifact(outcome)
    if canonical_json(recording.artifact) != canonical_json(best.to_dict() if best else None):
        found.append("the winner's text")
    found += _of_evidence(recording.evidence, figures_of(outcome))
    found += _of_rows("score", recording.scores, _scores(outcome))
    return found + _of_rows("trial", recording.trials, _trials(outcome))


def _of_evidence(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare what was noted then; a later Kaizen may note more."""
    return [
        f"{name}: was {canonical_json(stored[name])}, is {canonical_json(now[name])}"
        for name in sorted(stored.keys() & now.keys())
        if canonical_json(stored[name]) != canonical_json(now[name])
    ]


def _of_rows(noun: str, stored: Facts, now: Facts) -> list[str]:
    keys = sorted(stored.keys() | now.keys())
    changed = [key for key in keys if stored.get(key) != now.get(key)]
    if not changed:
        return []
    first = " ".join(map(str, changed[0]))
    return [f"{len(changed)} {noun}(s), the first of them {first}"]


def _scores(outcome: JobOutcome) -> Facts:
    return {
        (event.label, row.example_id): (row.score, row.messages_hash, event.artifact_hash)
        for event in outcome.evaluations
        for row in event.rows
    }


def _trials(outcome: JobOutcome) -> Facts:
    return {
        (trial.number,): (trial.score, trial.n_examples, trial.artifact.hash)
        for trial in outcome.trials
    }


def _hints(recording: Recording, outcome: JobOutcome) -> list[str]:
    """Name the libraries that are not what they were: the first suspects of a difference."""
    then = recording.evidence.get("versions", {})
    return [
        f"{name} was {then[name]} and is {outcome.versions.get(name, 'missing')}"
        for name in sorted(then)
        if then[name] != outcome.versions.get(name)
    ]
