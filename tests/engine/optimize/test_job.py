import hashlib
import subprocess
import sys
from dataclasses import replace

import dspy
import pytest

from kaizen_engine.errors import TooFewExamples
from kaizen_engine.evaluate.runner import build_request
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.optimize.estimate import MeanTokens, Rows, estimate_job
from kaizen_engine.optimize.job import EvaluationEvent, NoEvents, TrialEvent, run_job
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.states import Split, StopReason, Verdict
from tests.engine.optimize.support import (
    MODEL,
    SEED_PROMPT,
    CountingProvider,
    RecordedEvents,
    ScriptedDoor,
    generated_rows,
    make_gateway,
    make_spec,
    run_program,
)


def test_a_job_ends_with_a_prompt_proven_on_rows_that_nothing_saw() -> None:
    events = RecordedEvents()
    outcome = run_job(make_spec(), make_gateway(CountingProvider()), events)

    assert outcome.verdict is Verdict.CONFIRMED
    assert outcome.stop_reason is StopReason.FINISHED
    assert outcome.winner is not None
    assert outcome.winner.hash != outcome.baseline_hash == SEED_PROMPT.hash
    assert outcome.winner.system == SEED_PROMPT.system
    assert outcome.dev_before is not None
    assert outcome.dev_after is not None
    assert outcome.dev_after.mean > outcome.dev_before.mean
    assert outcome.test_before is not None
    assert outcome.test_before.n == 100
    assert outcome.comparison is not None
    assert outcome.comparison.low > 0
    assert len(outcome.fixed_ids) > len(outcome.broken_ids)
    assert outcome.dspy_state["predict"]["demos"]
    assert [event for event in events.heard if isinstance(event, str)] == [
        *("prepare", "baseline", "search", "prove")
    ]


def test_events_come_as_things_happen_and_are_in_the_outcome() -> None:
    events = RecordedEvents()
    outcome = run_job(make_spec(), make_gateway(CountingProvider()), events)

    trials = [event for event in events.heard if isinstance(event, TrialEvent)]
    evaluations = [event for event in events.heard if isinstance(event, EvaluationEvent)]
    labels = [event.label for event in evaluations]
    assert labels == ["baseline_dev", "winner_dev", "baseline_test", "winner_test"]
    assert tuple(trials) == outcome.trials
    assert tuple(evaluations) == outcome.evaluations
    assert [trial.number for trial in trials] == [1, 2, 3, 4, 5, 6]
    assert all(0 <= trial.score <= 1 and trial.n_examples == 60 for trial in trials)
    assert events.heard.index(trials[0]) < events.heard.index("prove")


def test_the_searchs_own_score_of_the_winner_is_that_of_the_exported_prompt() -> None:
    outcome = run_job(make_spec(), make_gateway(CountingProvider()), NoEvents())

    best = max(outcome.trials, key=lambda trial: (trial.score, -trial.number))
    assert outcome.winner == best.artifact
    assert outcome.dev_after is not None
    assert outcome.dev_after.mean == pytest.approx(best.score)


def test_shuffled_answers_are_not_confirmed() -> None:
    rows = generated_rows(seed=3, shuffled=True)
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is not Verdict.CONFIRMED


def test_a_second_run_over_the_same_journal_pays_nothing_and_ends_alike() -> None:
    journal, provider = MemoryJournal(), CountingProvider()
    first = run_job(make_spec(), make_gateway(provider, journal=journal), NoEvents())
    unused = CountingProvider()
    again = make_gateway(unused, journal=journal, spent=first.spent)

    assert run_job(make_spec(threads=1), again, NoEvents()) == first
    assert unused.calls == 0
    assert first.spent.calls == provider.calls


def test_all_three_ways_to_the_model_send_the_same_messages() -> None:
    journal, provider = MemoryJournal(), CountingProvider()
    outcome = run_job(make_spec(), make_gateway(provider, journal=journal), NoEvents())
    assert outcome.winner is not None
    hold_out = [row for row in generated_rows() if row.split == Split.TEST]
    compiled = PromptProgram.from_artifact(SEED_PROMPT)
    compiled.load_state(dict(outcome.dspy_state))
    door = ScriptedDoor(lambda _: "red")
    for row in hold_out:
        run_program(compiled, row.inputs, door)

    by_program = [request.messages_hash for request in door.requests]
    by_evaluator = [row.messages_hash for row in outcome.evaluations[-1].rows]
    by_renderer = [build_request(outcome.winner, row.inputs, MODEL) for row in hold_out]
    seen = {request.messages_hash for request in provider.requests}
    assert compiled.artifact().hash == outcome.winner.hash
    assert by_program == by_evaluator == [request.messages_hash for request in by_renderer]
    assert set(by_evaluator) <= seen
    assert by_renderer[0].messages == tuple(
        render_messages(outcome.winner.to_dict(), hold_out[0].inputs)
    )


def test_too_few_usable_examples_are_refused_before_any_call() -> None:
    provider = CountingProvider()
    rows = generated_rows(5, 20, 0)
    without_answers = [replace(row, outputs={"colour": None}) for row in rows[6:]]
    with pytest.raises(TooFewExamples, match="20 usable examples, 6 were found"):
        run_job(make_spec([*rows[:6], *without_answers]), make_gateway(provider), NoEvents())
    with pytest.raises(TooFewExamples, match="train"):
        run_job(make_spec(generated_rows(0, 20, 5)), make_gateway(provider), NoEvents())
    assert provider.calls == 0


def test_without_a_hold_out_the_corrected_gain_on_dev_decides() -> None:
    rows = generated_rows(20, 40, 0)
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is Verdict.LIKELY
    assert outcome.winner is not None
    assert outcome.comparison is None
    assert outcome.dev_gain is not None
    assert outcome.dev_gain.low > 0
    # Six trials, the first of them the prompt of today.
    assert (outcome.dev_gain.n, outcome.dev_gain.candidates) == (40, 5)
    assert set(outcome.dev_looked_ids) == {row.id for row in rows if row.split == Split.DEV}
    assert outcome.rows_needed is not None


def test_dev_rows_that_were_looked_at_before_have_to_show_more() -> None:
    rows = [replace(row, looks=3) for row in generated_rows(20, 40, 0)]
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.dev_look == 4
    assert outcome.dev_gain is not None
    assert outcome.dev_gain.alpha == pytest.approx(0.0019, abs=0.0001)


def test_thirty_unseen_dev_rows_are_a_first_look_by_themselves() -> None:
    rows = generated_rows(20, 60, 0)
    rows = [replace(row, looks=2 if number < 50 else 0) for number, row in enumerate(rows)]
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.dev_look == 1
    assert outcome.dev_looked_ids == tuple(row.id for row in rows[50:])
    assert outcome.dev_gain is not None
    assert outcome.dev_gain.n == 30


def test_reported_rows_are_told_apart_and_decide_nothing() -> None:
    rows = [replace(row, deciding=row.split != Split.TEST) for row in generated_rows(20, 10, 100)]
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is Verdict.BETTER_ON_REPORTED
    assert outcome.comparison is None
    assert outcome.test_before is None
    assert outcome.reported.n == 100
    assert outcome.reported.fixed > outcome.reported.broken
    assert outcome.reported.p is not None
    assert outcome.reported.p < 0.05


def test_reported_rows_alone_leave_the_effect_on_all_traffic_unknown() -> None:
    rows = [replace(row, deciding=False) for row in generated_rows(20, 60, 0)]
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is Verdict.BETTER_ON_REPORTED
    assert outcome.dev_gain is None
    assert outcome.rows_needed is None
    assert outcome.reported.n == 60


def test_a_small_hold_out_says_how_many_rows_more_would_do() -> None:
    rows = generated_rows(40, 60, 3)
    outcome = run_job(make_spec(rows, look=4), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is Verdict.LIKELY
    assert outcome.rows_needed is not None
    low, high = outcome.rows_needed
    assert 1 <= low <= high


def test_few_dev_rows_without_a_hold_out_are_not_enough() -> None:
    rows = generated_rows(20, 19, 0)
    outcome = run_job(make_spec(rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.winner is not None
    assert outcome.verdict is Verdict.NOT_ENOUGH_EVIDENCE


def test_nothing_better_than_the_seed_leaves_no_winner_and_the_hold_out_unseen() -> None:
    provider = CountingProvider(before=lambda _number, _request: ChatResponse("red", 5, 1))
    outcome = run_job(make_spec(), make_gateway(provider), NoEvents())
    assert outcome.winner is None
    assert outcome.verdict is Verdict.EQUAL
    assert [event.label for event in outcome.evaluations] == ["baseline_dev"]


def test_a_quarter_of_malformed_answers_still_gives_a_sane_curve() -> None:
    def garble(_number: int, request: ChatRequest) -> ChatResponse | None:
        digest = hashlib.sha256(request.messages_hash.encode()).digest()
        return ChatResponse("I would say {it depends", 5, 5) if digest[0] < 64 else None

    gateway = make_gateway(CountingProvider(before=garble))
    outcome = run_job(make_spec(), gateway, NoEvents())
    errors = [row for event in outcome.evaluations for row in event.rows if row.parse_error]
    assert outcome.stop_reason is StopReason.FINISHED
    assert outcome.verdict is Verdict.CONFIRMED
    assert errors
    assert all(row.score == 0 and row.text for row in errors)
    assert all(trial.score > 0.1 for trial in outcome.trials)


def test_a_model_that_is_never_right_stops_at_the_bound_of_the_estimate() -> None:
    provider = CountingProvider(before=lambda _number, _request: ChatResponse("?", 5, 1))
    rows = generated_rows(80, 40, 40)
    run_job(make_spec(rows), make_gateway(provider), NoEvents())
    estimate = estimate_job(Rows(80, 40, 40), MeanTokens(1, 1, 1), None, make_spec().settings)
    assert provider.calls <= estimate.calls_high - 80


def test_the_search_prints_nothing_and_leaves_dspys_settings_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = dspy.settings.lm, dspy.settings.callbacks
    run_job(make_spec(), make_gateway(CountingProvider()), NoEvents())
    assert capfd.readouterr() == ("", "")
    assert (dspy.settings.lm, dspy.settings.callbacks) == before


def test_events_may_print_during_the_search(capsys: pytest.CaptureFixture[str]) -> None:
    class Printing(RecordedEvents):
        def trial(self, event: TrialEvent) -> None:
            print(f"trial {event.number}")

    run_job(make_spec(), make_gateway(CountingProvider()), Printing())
    assert capsys.readouterr().out.splitlines() == [f"trial {number}" for number in range(1, 7)]


def test_job_estimate_and_strategy_import_no_optimizer_no_statistics_and_no_django() -> None:
    code = (
        "import sys\n"
        "import kaizen_engine.optimize.job, kaizen_engine.optimize.estimate\n"
        "import kaizen_engine.optimize.strategy\n"
        "heavy = {'dspy', 'django', 'scipy', 'numpy', 'litellm', 'openai'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
