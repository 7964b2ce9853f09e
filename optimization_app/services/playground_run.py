"""The worker's part of the playground: ask every variant about every row, store what comes back.

1. A run is claimed by a conditional UPDATE: of two workers one asks, and a lost one's claim ends.
2. Each variant has a gateway and a cap of its own, so that the trouble of one leaves the other.
3. Answers are stored as they come. What a killed worker has paid for is in the run's journal.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from feedback_app.models import Example as StoredExample
from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, KaizenError
from kaizen_engine.evaluate.evaluator import Evaluated, Evaluator, Needs
from kaizen_engine.evaluate.runner import Example, build_request, case_of
from kaizen_engine.evaluate.spec import evaluator_from_spec, models_of
from kaizen_engine.evaluate.texts import storable
from kaizen_engine.llm.gateway import Gateway, Tuning
from kaizen_engine.llm.meter import Budget, Meter
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.parse import OutputParseError, parse_output
from kaizen_engine.states import Origin, Split
from llm_app.gateways import gateway_for
from llm_app.journal import DatabaseJournal, journal_open
from llm_app.models import CallRecord
from llm_app.trouble import Hearing, Trouble, trouble_of
from optimization_app.models import PlaygroundAnswer, PlaygroundRun
from optimization_app.playground_models import PlaygroundState
from optimization_app.services.playground import examples_of
from optimization_app.services.prepare import engine_examples

ROLE = PURPOSE = "playground"
# Below the time-out of the queue's default cluster.
RUN_S = 100
# A person waits: a provider that asks for more patience than this is said to have failed.
PATIENCE_S = 5.0


@dataclass(frozen=True)
class Desk:
    """Where one variant is asked; `broken` says why it cannot be."""

    number: int
    artifact: PromptArtifact
    model: str
    gateway: Gateway | None
    evaluator: Evaluator | None
    hearing: Hearing
    broken: Trouble | None = None


@dataclass(frozen=True)
class Told:
    """One answer or one trouble, before it is stored."""

    desk: Desk
    row: int
    request: ChatRequest | None = None
    sample: int = 0
    text: str = ""
    parse_error: str = ""
    scored: Evaluated | None = None
    trouble: Trouble = field(default_factory=lambda: Trouble(""))


def playground_run(run_id: int) -> str:
    """Work on the run if nobody else does, and say what happened, for the queue's own record."""
    now = timezone.now()
    until = now + timedelta(seconds=RUN_S + 20)
    lost = Q(state=PlaygroundState.RUNNING.value, claimed_until__lt=now)
    free = Q(state=PlaygroundState.QUEUED.value) | lost
    mine = PlaygroundRun.objects.filter(free, pk=run_id)
    if not mine.update(state=PlaygroundState.RUNNING.value, claimed_until=until):
        return "not to be claimed"
    run = PlaygroundRun.objects.select_related("task__project").get(pk=run_id)
    state, error = PlaygroundState.FAILED, "An unforeseen error; the worker's log has more."
    try:
        _work(run)
        state, error = PlaygroundState.FINISHED, ""
    except (JobAbort, KaizenError) as stopped:
        error = str(stopped)
    finally:
        held = PlaygroundRun.objects.filter(pk=run_id, claimed_until=until)
        held.update(state=state.value, error=error, claimed_until=None, finished_at=timezone.now())
    return state.value


def _work(run: PlaygroundRun) -> None:
    rows = list(_rows(run))
    done = set(run.answers.values_list("variant", "row"))
    with journal_open(
        subject=run.public_id, project_id=run.task.project_id, purpose=PURPOSE
    ) as journal:
        desks = [_desk(run, number, journal) for number in range(len(run.variants))]
        missing = [
            (desk, number, row)
            for number, row in enumerate(rows)
            for desk in desks
            if (desk.number, number) not in done
        ]
        with ThreadPoolExecutor(max_workers=settings.CONFIG.job_threads) as pool:
            asked = [pool.submit(_ask, *one) for one in missing]
            for future in as_completed(asked):
                _store(run, future.result())


def _desk(run: PlaygroundRun, number: int, journal: DatabaseJournal) -> Desk:
    variant: Mapping[str, Any] = run.variants[number]
    artifact, model = PromptArtifact.from_dict(variant["artifact"]), variant["model"]
    spec, hearing = run.task.evaluator, Hearing()
    judges = models_of(spec) if run.is_scored else ()
    budget = Budget(
        usd=Decimal(variant["most_usd"]), deadline=timezone.now() + timedelta(seconds=RUN_S)
    )
    try:
        gateway = gateway_for(
            run.task.project,
            {model, *judges},
            # What a lost worker has spent counts against both, which errs on the safe side.
            meter=Meter(budget, journal.spent(), SystemClock()),
            journal=journal,
            tuning=Tuning(patience_s=PATIENCE_S),
            hearing=hearing,
        )
        evaluator = evaluator_from_spec(spec, door=gateway) if run.is_scored else None
    except KaizenError as error:
        return Desk(number, artifact, model, None, None, hearing, trouble_of(error, model, None))
    return Desk(number, artifact, model, gateway, evaluator, hearing)


def _rows(run: PlaygroundRun) -> Iterator[Example]:
    """Return the rows as a job would see them; inputs that were typed have no example."""
    stored = examples_of(run)
    for row in run.rows:
        known = stored.get(row["example"] or 0)
        yield _of_example(known) if known else _of_input(row)


def _of_example(row: StoredExample) -> Example:
    # One that no job has dealt out yet has no split, which nothing here depends on.
    row.split = row.split or Split.DEV.value
    return engine_examples([row])[0]


def _of_input(row: Mapping[str, Any]) -> Example:
    return Example(
        id="input",
        inputs=row["inputs"],
        outputs=row["expected"],
        split=Split.DEV,
        group="",
        origin=Origin.USER,
        deciding=False,
    )


def _ask(desk: Desk, number: int, row: Example) -> Told:
    """Return an answer or a trouble; nothing is raised into the pool, a JobAbort least of all."""
    if desk.gateway is None:
        return Told(desk, number, trouble=desk.broken or Trouble("It could not be asked."))
    request = None
    try:
        request = build_request(desk.artifact, row.inputs, desk.model)
        # At temperature 0 twins share an answer; above, each variant has a sample of its own.
        sample = desk.number if request.temperature > 0 else 0
        text = desk.gateway.complete(request, role=ROLE, sample=sample).text
        told = Told(desk, number, request, sample, text)
        return _scored(told, row)
    except JobAbort as stopped:
        trouble = trouble_of(stopped, desk.model, desk.hearing.last)
    except KaizenError as error:
        trouble = trouble_of(error, desk.model, None)
    except ValueError as error:
        trouble = Trouble(str(error)[:400])
    return Told(desk, number, request, trouble=trouble)


def _scored(told: Told, row: Example) -> Told:
    """Add the score; an answer that nobody can score is an answer all the same."""
    desk = told.desk
    try:
        output = parse_output(desk.artifact.to_dict(), told.text)
    except OutputParseError as error:
        return replace(told, parse_error=str(error))
    if desk.evaluator is None or not _can_score(desk.evaluator, row):
        return told
    try:
        scored = desk.evaluator.evaluate(case_of(row, output, told.text))
    except (JobAbort, KaizenError) as error:
        return replace(told, trouble=trouble_of(error, desk.model, desk.hearing.last))
    return replace(told, scored=scored)


def _can_score(evaluator: Evaluator, row: Example) -> bool:
    if evaluator.needs is Needs.NOTHING or row.outputs:
        return True
    return evaluator.needs is Needs.EXPECTED_OR_RATED and row.rated_output is not None


def _store(run: PlaygroundRun, told: Told) -> None:
    call = _call_of(run, told)
    scored = told.scored
    is_wrong = scored is None and bool(told.parse_error) and run.is_scored
    PlaygroundAnswer.objects.get_or_create(
        run=run,
        variant=told.desk.number,
        row=told.row,
        defaults={
            "text": storable(told.text),
            "parse_error": told.parse_error[:2000],
            "score": 0.0 if is_wrong else scored.score if scored else None,
            "parts": dict(scored.parts) if scored else {},
            "reasons": dict(scored.reasons) if scored else {},
            "input_tokens": call.response["input_tokens"] if call else 0,
            "output_tokens": call.response["output_tokens"] if call else 0,
            "cost_usd": call.cost_usd if call else Decimal(0),
            "latency_ms": call.latency_ms if call else None,
            "problem": told.trouble.words[:400],
            "raw_problem": told.trouble.raw,
        },
    )


def _call_of(run: PlaygroundRun, told: Told) -> CallRecord | None:
    if told.request is None:
        return None
    calls = CallRecord.objects.filter(
        subject=run.public_id, role=ROLE, request_hash=told.request.hash
    )
    return calls.filter(occurrence=told.sample).first()
