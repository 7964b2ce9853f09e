"""Rows that a winner must not lose: protected ones, the red team's, and kinds of inputs."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.guarded import Guard, segments_of
from kaizen_engine.optimize.job import EvaluationEvent, NoEvents, run_job
from kaizen_engine.optimize.outcome import GuardReport
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Origin, Split
from tests.engine.optimize.support import (
    SEED_PROMPT,
    CountingProvider,
    generated_rows,
    make_gateway,
    make_spec,
)

NEW = SEED_PROMPT.with_(system="Sort the message into one colour, now better.")
ROWS = [replace(row, split=Split.RED_TEAM) for row in generated_rows(8, 0, 0)]
Answer = Callable[[bool, str], str]


def guard(
    answer: Answer, *, winner: PromptArtifact = NEW, heard: list[EvaluationEvent], **rows: object
) -> GuardReport:
    """Ask both prompts; `answer` is told whether the new one asks, and the text."""

    def before(_: int, request: ChatRequest) -> ChatResponse:
        is_new = winner.system in request.messages[0]["content"] and winner != SEED_PROMPT
        return ChatResponse(answer(is_new, request.messages[-1]["content"]), 1, 1)

    spec = make_spec(**rows)
    gateway = make_gateway(CountingProvider(before=before))
    evaluator = evaluator_from_spec(spec.evaluator, door=gateway)
    return Guard(spec, winner, gateway, evaluator, 0.8, heard.append).run()


def right(text: str) -> str:
    return next(row.outputs["colour"] for row in ROWS if row.inputs["text"] in text)


def wrong(text: str) -> str:
    return "red" if right(text) != "red" else "blue"


def test_a_protected_example_that_the_winner_gets_wrong_is_named() -> None:
    lost = ROWS[2]

    def answer(is_new: bool, text: str) -> str:
        return wrong(text) if is_new and lost.inputs["text"] in text else right(text)

    heard: list[EvaluationEvent] = []
    found = guard(answer, heard=heard, protected=ROWS)
    assert (found.protected, found.broken) == (tuple(row.id for row in ROWS), (lost.id,))
    assert [event.label for event in heard] == ["baseline_protected", "winner_protected"]


def test_an_example_that_was_wrong_before_cannot_be_broken() -> None:
    found = guard(lambda is_new, text: wrong(text), heard=[], protected=ROWS)
    assert found.broken == ()


def test_a_row_of_the_red_team_that_falls_every_time_blocks() -> None:
    lost = ROWS[0]

    def answer(is_new: bool, text: str) -> str:
        return wrong(text) if is_new and lost.inputs["text"] in text else right(text)

    heard: list[EvaluationEvent] = []
    found = guard(answer, heard=heard, red_team=ROWS)
    assert found.red_team is not None
    assert (found.red_team.fallen, found.red_team.is_blocked) == ((lost.id,), True)
    assert [event.label for event in heard][:2] == ["baseline_red_team_1", "winner_red_team_1"]
    assert {len(event.rows) for event in heard[:6]} == {8}
    assert {len(event.rows) for event in heard[6:]} == {1}, "only the fallen row is asked again"


def test_each_sample_is_asked_for_even_at_temperature_zero() -> None:
    asked: list[str] = []
    lock = threading.Lock()

    def answer(is_new: bool, text: str) -> str:
        with lock:
            asked.append(text)
        return right(text)

    guard(answer, heard=[], red_team=ROWS)
    assert len(asked) == 2 * 3 * len(ROWS)


@pytest.mark.parametrize("accuracy", [0.6, 0.8, 0.95])
def test_two_equal_prompts_pass_the_red_team(accuracy: float) -> None:
    """A smoke test; `bench` has the full simulation."""
    lots = random.Random(7)
    lock = threading.Lock()

    def answer(is_new: bool, text: str) -> str:
        with lock:
            return right(text) if lots.random() < accuracy else wrong(text)

    reports = [guard(answer, heard=[], red_team=ROWS) for _ in range(50)]
    blocked = [one for one in reports if one.red_team and one.red_team.is_blocked]
    # At 5 % a run, more than 7 of 50 come by chance less than once in a hundred times.
    assert len(blocked) <= 7


def test_a_language_that_got_worse_is_found() -> None:
    english = ["the parcel is late and what can you do about it"] * 20
    german = ["das paket ist nicht da und ich kann mein konto nicht sehen"] * 20
    rows = [
        Example(f"r{n}", {"text": text}, {"colour": "red"}, Split.DEV, f"g{n}", Origin.USER, False)
        for n, text in enumerate(english + german)
    ]

    def scored(label: str, *scores: float) -> EvaluationEvent:
        from kaizen_engine.evaluate.runner import RowScore

        found = [RowScore(row.id, scores[n // 20], {}, "", "", "") for n, row in enumerate(rows)]
        return EvaluationEvent(label, "0" * 64, tuple(found))

    events = {
        "baseline_dev": scored("baseline_dev", 0.0, 1.0),
        "winner_dev": scored("winner_dev", 1.0, 0.0),
    }
    worse = [one for one in segments_of(rows, events, 0) if one.is_worse]
    assert [(one.kind, one.value, one.gain) for one in worse] == [("language", "de", -1.0)]
    assert segments_of(rows, {}, 0) == ()


def test_a_job_asks_them_once_it_has_a_winner() -> None:
    rows = generated_rows(seed=5)[:4]
    spec = make_spec(protected=rows, red_team=ROWS)
    outcome = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    assert outcome.guards.protected == tuple(row.id for row in rows)
    assert outcome.guards.red_team is not None
    assert outcome.guards.red_team.n == len(ROWS)
    labels = [event.label for event in outcome.evaluations]
    assert labels[-6:] == [
        f"{side}_red_team_{sample}" for sample in (1, 2, 3) for side in ("baseline", "winner")
    ]
