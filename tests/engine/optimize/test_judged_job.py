"""A whole job that a judge scores: what is kept of it, what it costs, and that it comes again."""

import pytest

from kaizen_engine.evaluate.judging import judge_quality
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.states import StopReason
from tests.engine.optimize.support import (
    CountingProvider,
    generated_rows,
    make_gateway,
    make_spec,
)

PAIR = {"kind": "pairwise", "model": "demo/strong", "rubric": "Names the right colour."}
MIXED = {
    "kind": "composite",
    "parts": [
        {**PAIR, "weight": 0.5},
        {"kind": "exact_match", "weight": 0.5},
        {"kind": "forbidden_words", "words": ["grey"], "hard": True},
    ],
}


def judged_spec(strategy="bootstrap", **more):
    rows = generated_rows(20, 20, 0)
    settings = {"num_trials": 2, "max_demos": 8}
    return make_spec(
        examples=rows, evaluator=MIXED, strategy=strategy, settings=settings, threads=2, **more
    )


@pytest.mark.parametrize("strategy", ["bootstrap", "miprov2"])
def test_a_judged_job_keeps_every_part_and_replays_without_a_call(strategy):
    provider, journal = CountingProvider(), MemoryJournal()
    spec = judged_spec(strategy)
    outcome = run_job(spec, make_gateway(provider, journal=journal), NoEvents())
    assert outcome.stop_reason is StopReason.FINISHED
    rows = [row for event in outcome.evaluations for row in event.rows]
    failed = [row for row in rows if row.parts.get("forbidden_words") == 0]
    assert failed
    assert all((row.score, row.votes) == (0, {}) for row in failed)
    judged = [row.votes["pairwise"] for row in rows if row.votes]
    assert judge_quality(judged).votes >= 2 * len(judged) > 0
    assert {row.parts["exact_match"] for row in rows if row not in failed} == {0, 1}
    assert {record.role for record in journal.records} >= {"student", "judge"}
    assert {one.model for one in journal.records if one.role == "judge"} == {"demo/strong"}

    again = CountingProvider()
    replayed = run_job(spec, make_gateway(again, journal=journal), NoEvents())
    assert again.calls == 0
    assert replayed.evaluations == outcome.evaluations
    assert (replayed.winner and replayed.winner.hash) == (outcome.winner and outcome.winner.hash)


def test_a_judge_that_cannot_be_reached_stops_the_job_and_scores_nothing():
    def before(number, request):
        if request.model == "strong":
            raise ConnectionError("no judge")

    outcome = run_job(judged_spec(), make_gateway(CountingProvider(before=before)), NoEvents())
    assert outcome.stop_reason is StopReason.ERROR
    assert (outcome.winner, outcome.evaluations) == (None, ())
