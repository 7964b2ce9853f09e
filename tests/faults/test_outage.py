"""An outage ends a job as provider_down; it is never scored as a bad prompt."""

import pytest

from kaizen_engine.evaluate.verdict import is_likely
from kaizen_engine.states import StopReason, Verdict
from tests.faults.scene import DEV, THREADS, Play, Scene
from tests.servers.scripted_openai import Policy, Step, always, down

TRIES, THRESHOLD = 3, 3
# The first failing call of each thread, three of which open the breaker; the fourth may go on.
MOST_CALLS = TRIES * (THRESHOLD + THREADS - 1)
FAILURES = {
    "cut": Step(is_cut=True),
    "500": Step(status=500),
    "503 with a wait": Step(status=503, retry_after=0.01),
    "truncated": Step(is_truncated=True),
}
# How far each goes, and whether a better candidate is known by then.
MOMENTS = {
    "bootstrap": {
        10: ("in the baseline", False),
        23: ("at the baseline's last row", False),
        40: ("in the second candidate", False),
        60: ("in the third candidate", True),
        85: ("in the last candidate", True),
        105: ("on the baseline's hold-out", True),
        130: ("on the winner's hold-out", True),
    },
    "miprov2": {
        10: ("in the baseline", False),
        30: ("in the proposals", False),
        50: ("in the last candidate", False),
        70: ("on the baseline's hold-out", True),
        95: ("on the winner's hold-out", True),
    },
}
BOTH = pytest.mark.parametrize("strategy", MOMENTS, indirect=True)
EVERY_MOMENT = pytest.mark.parametrize(
    ("strategy", "moment"),
    [(strategy, moment) for strategy, moments in MOMENTS.items() for moment in moments],
    indirect=["strategy"],
)


def down_after(calls: int, failure: Step) -> Policy:
    return lambda number, _request: Step() if number < calls else failure


@BOTH
@pytest.mark.parametrize("failure", FAILURES)
def test_a_server_that_is_down_from_the_start_scores_nothing(scene: Scene, failure: str) -> None:
    play = scene.play(always(FAILURES[failure]))

    assert play.outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert play.outcome.stop_detail
    assert play.outcome.verdict is Verdict.NONE
    assert play.outcome.winner is None
    assert play.outcome.dev_before is None
    assert (play.trials, play.evaluations) == ([], {})
    assert TRIES * THRESHOLD <= play.calls <= MOST_CALLS


def test_a_server_that_refuses_connections_costs_nothing(scene: Scene) -> None:
    scene.server.stop()
    play = scene.play()
    assert play.outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert play.evaluations == {}
    assert play.lost == []
    assert play.outcome.spent.usd == 0


@EVERY_MOMENT
@pytest.mark.parametrize("failure", ["cut", "500"])
def test_what_was_scored_before_an_outage_stands_and_nothing_else_is_scored(
    scene: Scene, calm: Play, moment: int, failure: str
) -> None:
    play = scene.play(down_after(moment, FAILURES[failure]))

    outcome = play.outcome
    assert outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert moment + TRIES * THRESHOLD <= play.calls <= moment + MOST_CALLS
    check_that_every_score_is_from_real_answers(scene, play, calm)
    assert outcome.trials == tuple(play.trials)
    assert outcome.evaluations == tuple(play.evaluations.values())


def check_that_every_score_is_from_real_answers(scene: Scene, play: Play, calm: Play) -> None:
    """Compare with the undisturbed run: the same figures as far as they go, and no others."""
    assert play.trials == calm.trials[: len(play.trials)]
    for label, evaluation in play.evaluations.items():
        if evaluation.artifact_hash == calm.evaluations[label].artifact_hash:
            assert evaluation == calm.evaluations[label]
    answered = {one.messages_hash for one in scene.server.received if one.status == 200}
    rows = [row for evaluation in play.evaluations.values() for row in evaluation.rows]
    assert {row.messages_hash for row in rows} <= answered
    assert all(row.text and not row.parse_error for row in rows)
    paid = {call.messages_hash for call in play.journal.records}
    assert {row.messages_hash for row in rows} <= paid


@EVERY_MOMENT
def test_the_best_so_far_is_kept_once_every_dev_row_was_answered(
    scene: Scene, strategy: str, moment: int
) -> None:
    outcome = scene.play(down_after(moment, Step(status=500))).outcome

    _, is_kept = MOMENTS[strategy][moment]
    assert all(trial.is_full and trial.n_examples == DEV for trial in outcome.trials)
    assert (outcome.winner is not None) is is_kept
    is_shown = outcome.dev_gain is not None and is_likely(outcome.dev_gain)
    kept = Verdict.LIKELY if is_shown else Verdict.NOT_ENOUGH_EVIDENCE
    assert outcome.verdict is (kept if is_kept else Verdict.NONE)
    if is_kept:
        assert outcome.winner in [trial.artifact for trial in outcome.trials]
        assert outcome.dev_after is not None
        assert outcome.dev_after.n == DEV


def test_an_outage_between_two_jobs_is_over_for_the_third(scene: Scene, calm: Play) -> None:
    """Each has a breaker of its own here; for one they share see test_shared_breaker.py."""
    assert scene.play(down()).outcome.stop_reason is StopReason.PROVIDER_DOWN
    again = Scene(scene.server).play()
    assert again.outcome.trials == calm.outcome.trials
    assert again.outcome.winner == calm.outcome.winner
