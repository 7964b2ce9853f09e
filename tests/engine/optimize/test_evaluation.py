"""A version scored by itself or against another: what is asked, told, and left by a stop."""

from collections import Counter
from dataclasses import replace

import pytest

from kaizen_engine.errors import TooFewExamples
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.evaluation import EvaluationOutcome, run_evaluation
from kaizen_engine.optimize.evaluation_plan import requests_of, rows_to_score
from kaizen_engine.optimize.outcome import EvaluationEvent, JobSpec
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split, StopReason, Verdict
from tests.engine.optimize.support import (
    MODEL,
    SEED_PROMPT,
    WORDS,
    CountingProvider,
    generated_rows,
    make_gateway,
    make_spec,
)

CUES = "\n".join(f"{colour}: {', '.join(words)}" for colour, words in WORDS.items())
BETTER = replace(SEED_PROMPT, system=f"{SEED_PROMPT.system}\n{CUES}")


class Told:
    """Remembers what an evaluation tells on its way."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.events: list[EvaluationEvent] = []
        self.progress: list[tuple[int, int]] = []

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def rows(self, event: EvaluationEvent, *, done: int, total: int) -> None:
        self.events.append(event)
        self.progress.append((done, total))


def evaluate(
    spec: JobSpec,
    candidate: PromptArtifact | None = None,
    *,
    provider: CountingProvider | None = None,
    journal: MemoryJournal | None = None,
    budget: Budget | None = None,
    told: Told | None = None,
) -> EvaluationOutcome:
    gateway = make_gateway(provider or CountingProvider(), journal=journal, budget=budget)
    return run_evaluation(spec, candidate, gateway, told or Told())


def test_a_better_version_is_confirmed_on_the_hold_out() -> None:
    rows = [row for row in generated_rows() if row.split is not Split.TRAIN]
    found = evaluate(make_spec(rows), BETTER)
    assert found.is_complete
    assert found.rows == {"dev": 60, "test": 100}
    assert found.job.verdict is Verdict.CONFIRMED
    assert (found.job.winner, found.job.baseline_hash) == (BETTER, SEED_PROMPT.hash)
    assert found.job.dev_before
    assert found.job.dev_after
    assert found.job.dev_after.mean > found.job.dev_before.mean
    assert found.job.comparison
    assert found.job.comparison.n == 100


def test_two_equal_texts_are_never_called_better() -> None:
    other = replace(SEED_PROMPT, system=f"{SEED_PROMPT.system} ")
    found = evaluate(make_spec(generated_rows(0, 30, 60)), other)
    assert found.job.verdict in {Verdict.EQUAL, Verdict.NOT_ENOUGH_EVIDENCE, Verdict.WORSE}


def test_a_version_by_itself_has_scores_and_no_verdict() -> None:
    provider, told = CountingProvider(), Told()
    found = evaluate(make_spec(generated_rows(40, 60, 0)), provider=provider, told=told)
    assert provider.calls == 100
    assert found.job.verdict is Verdict.NONE
    assert found.job.winner is None
    assert {event.label for event in told.events} == {"baseline_train", "baseline_dev"}
    assert told.progress[-1] == (100, 100)
    assert told.phases == ["score", "prove"]


def test_rows_come_in_the_order_of_the_examples_however_the_threads_end() -> None:
    rows = generated_rows(0, 250, 0)
    found = evaluate(make_spec(rows, threads=16))
    (event,) = found.job.evaluations
    assert [row.example_id for row in event.rows] == [row.id for row in rows]


def test_what_is_asked_is_known_before_anything_is_asked() -> None:
    rows = generated_rows(0, 60, 0)
    provider = CountingProvider()
    evaluate(make_spec(rows), provider=provider)
    chosen = rows_to_score(SEED_PROMPT, rows, evaluator_from_spec("exact_match"))
    foreseen = {request.messages_hash for request in requests_of(SEED_PROMPT, chosen, MODEL)}
    assert {request.messages_hash for request in provider.requests} == foreseen


def test_the_same_inputs_are_asked_once() -> None:
    rows = generated_rows(0, 30, 0)
    twice = [*rows, *(replace(row, id=f"again-{row.id}") for row in rows)]
    provider = CountingProvider()
    found = evaluate(make_spec(twice), provider=provider)
    assert (provider.calls, found.rows) == (30, {"dev": 60})


def test_a_sampled_model_is_asked_three_times_and_the_mean_counts() -> None:
    seen: Counter[str] = Counter()

    def answer(_number: int, request: ChatRequest) -> ChatResponse:
        seen[request.messages_hash] += 1
        right = "red" if seen[request.messages_hash] == 1 else "nothing of the kind"
        return ChatResponse(right, 10, 2)

    rows = [replace(row, outputs={"colour": "red"}) for row in generated_rows(0, 20, 0)]
    sampled = replace(SEED_PROMPT, params={"temperature": 0.7})
    spec = make_spec(rows, artifact=sampled, threads=1)
    found = evaluate(spec, provider=CountingProvider(before=answer))
    (event,) = found.job.evaluations
    assert set(seen.values()) == {3}
    assert {round(row.score, 3) for row in event.rows} == {0.333}


def test_a_cap_keeps_what_was_scored_and_draws_no_verdict() -> None:
    provider, told = CountingProvider(), Told()
    spec = make_spec(generated_rows(0, 60, 100), threads=4)
    found = evaluate(spec, BETTER, provider=provider, budget=Budget(calls=50), told=told)
    assert not found.is_complete
    assert found.job.stop_reason is StopReason.CALLS
    assert found.job.verdict is Verdict.NONE
    assert provider.calls == 50
    (event,) = found.job.evaluations
    assert event.label == "winner_dev"
    assert len(event.rows) == sum(len(one.rows) for one in told.events) == 50


def test_a_resumed_evaluation_pays_for_nothing_twice() -> None:
    journal, provider = MemoryJournal(), CountingProvider()
    spec = make_spec(generated_rows(0, 60, 0))
    evaluate(spec, journal=journal, provider=provider, budget=Budget(calls=25))
    found = evaluate(spec, journal=journal, provider=provider)
    assert found.is_complete
    assert provider.calls == 60


def test_no_row_at_all_is_said_in_words() -> None:
    unlabelled = [replace(row, outputs={}) for row in generated_rows(0, 5, 0)]
    with pytest.raises(TooFewExamples, match="no row to score"):
        evaluate(make_spec(unlabelled))
