"""A finished job run again from its journal: the same rows, the same answers, no model.

Nothing is written. Figures of spending are left out, since a replay spends nothing.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Lock
from typing import Any
from uuid import UUID

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import ProviderRejected
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import CallRecord, ChatRequest, ChatResponse, LostCall, Price
from kaizen_engine.optimize.outcome import JobEvents, JobOutcome
from kaizen_engine.prompts.artifact import canonical_json
from kaizen_engine.states import JOB_TRANSITIONS, JobState, StopReason
from llm_app.journal import response_from_json
from llm_app.models import CallRecord as StoredCall
from optimization_app.config import JobConfig
from optimization_app.evidence import best_artifact, evidence_of
from optimization_app.models import EvaluationRow, Job, Step, Trial
from optimization_app.services.prepare import PREPARED, Prepared, job_prepare
from projects_app.exceptions import InvalidInput

FREE = Price(Decimal(0), Decimal(0))
OF_SPENDING = frozenset({"calls", "tokens", "cost_usd"})
OF_THIS_MACHINE = frozenset({"versions"})


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


def job_replay(job: Job, events: JobEvents) -> Replay:
    """Run the job again and compare; raises InvalidInput where there is nothing to replay."""
    _refuse_unreplayable(job)
    journal = ReplayJournal(job.public_id)
    refusal = Refusal()
    prepared = job_prepare(job, job.fence)
    outcome = _run(job, prepared, _gateway(job, journal, refusal), events)
    best = best_artifact(outcome)
    return Replay(
        winner=best.hash if best else "",
        answers=len(journal.answers),
        asked=refusal.asked,
        rows=sum(len(event.rows) for event in outcome.evaluations),
        trials=len(outcome.trials),
        differences=tuple(_differences(job, prepared, outcome, refusal.asked)),
        hints=tuple(_hints(job, outcome)),
    )


class ReplayJournal:
    """The stored answers of one job, read once; nothing is added to them."""

    def __init__(self, subject: UUID) -> None:
        rows = StoredCall.objects.filter(subject=subject).values_list(
            "role", "request_hash", "occurrence", "response"
        )
        self.answers = {
            (role, request_hash, occurrence): response_from_json(body)
            for role, request_hash, occurrence, body in rows.iterator()
        }

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None:
        return self.answers.get((role, request_hash, occurrence))

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


def _refuse_unreplayable(job: Job) -> None:
    if JOB_TRANSITIONS[JobState(job.state)]:
        raise InvalidInput(f"the job has not ended, it is {job.state}")
    if not job.result or not Step.objects.filter(job=job, name=PREPARED).exists():
        raise InvalidInput("the job ended without a result, so there is nothing to replay")


def _gateway(job: Job, journal: ReplayJournal, refusal: Refusal) -> Gateway:
    config = JobConfig.from_json(job.config)
    clock = SystemClock()
    models = [name.partition("/") for name in (config.student, config.teacher) if name]
    slugs = {slug for slug, _, _ in models}
    prices = PriceBook({model: FREE for _, _, model in models})
    return Gateway(
        {slug: Route(refusal, None, prices) for slug in slugs},
        meter=Meter(Budget(), Spent(), clock),
        breaker=LocalBreaker(clock=clock),
        limiter=LocalLimiter(clock),
        journal=journal,
        clock=clock,
        tries=1,
    )


def _run(job: Job, prepared: Prepared, gateway: Gateway, events: JobEvents) -> JobOutcome:
    from kaizen_engine.optimize.job import run_job

    outcome = run_job(prepared.spec, gateway, events)
    was = StopReason(job.stop_reason)
    if was is StopReason.FINISHED or outcome.stop_reason is StopReason.FINISHED:
        return outcome
    # A job that was stopped has no answer to the call it was stopped at.
    return replace(outcome, stop_reason=was)


def _differences(job: Job, prepared: Prepared, outcome: JobOutcome, asked: int) -> list[str]:
    found = []
    if asked and job.stop_reason == StopReason.FINISHED:
        found.append(f"{asked} call(s) have no answer in the journal: {outcome.stop_detail}")
    best = best_artifact(outcome)
    if canonical_json(job.result["artifact"]) != canonical_json(best.to_dict() if best else None):
        found.append("the winner's text")
    found += _of_evidence(job.result["evidence"], evidence_of(job, prepared, outcome))
    found += _of_rows("score", _stored_rows(job), _rows(outcome))
    return found + _of_rows("trial", _stored_trials(job), _trials(outcome))


def _of_evidence(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare what was noted then; a later Kaizen may note more."""
    skipped = OF_SPENDING | OF_THIS_MACHINE
    return [
        f"{name}: was {canonical_json(stored[name])}, is {canonical_json(now.get(name))}"
        for name in sorted(stored)
        if name not in skipped and canonical_json(stored[name]) != canonical_json(now.get(name))
    ]


Facts = dict[tuple[Any, ...], tuple[Any, ...]]


def _of_rows(noun: str, stored: Facts, now: Facts) -> list[str]:
    keys = sorted(stored.keys() | now.keys())
    changed = [key for key in keys if stored.get(key) != now.get(key)]
    if not changed:
        return []
    first = " ".join(map(str, changed[0]))
    return [f"{len(changed)} {noun}(s), the first of them {first}"]


def _stored_rows(job: Job) -> Facts:
    rows = EvaluationRow.objects.filter(job=job).values_list(
        "label", "example_id", "score", "messages_hash", "artifact_hash"
    )
    return {(label, example): tuple(facts) for label, example, *facts in rows}


def _rows(outcome: JobOutcome) -> Facts:
    return {
        (event.label, int(row.example_id)): (row.score, row.messages_hash, event.artifact_hash)
        for event in outcome.evaluations
        for row in event.rows
    }


def _stored_trials(job: Job) -> Facts:
    rows = Trial.objects.filter(job=job).values_list("number", "score", "rows", "artifact_hash")
    return {(number,): tuple(facts) for number, *facts in rows}


def _trials(outcome: JobOutcome) -> Facts:
    return {
        (trial.number,): (trial.score, trial.n_examples, trial.artifact.hash)
        for trial in outcome.trials
    }


def _hints(job: Job, outcome: JobOutcome) -> list[str]:
    """Name the libraries that are not what they were: the first suspects of a difference."""
    then = job.result["evidence"].get("versions", {})
    return [
        f"{name} was {then[name]} and is {outcome.versions.get(name, 'missing')}"
        for name in sorted(then)
        if then[name] != outcome.versions.get(name)
    ]
