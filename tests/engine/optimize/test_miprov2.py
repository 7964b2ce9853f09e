"""`miprov2`: what it learns, what it costs, how it stops, and that minibatches decide nothing."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import dspy
import pytest

from kaizen_engine.errors import StrategyUnavailable
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.types import CallRecord, ChatRequest, ChatResponse
from kaizen_engine.optimize import strategy
from kaizen_engine.optimize.candidate_checks import Rules
from kaizen_engine.optimize.dspy_proposer import Sieve, prompt_text
from kaizen_engine.optimize.job import JobOutcome, NoEvents, run_job
from kaizen_engine.optimize.outcome import JobSpec
from kaizen_engine.states import StopReason, Verdict
from tests.engine.optimize.support import (
    MODEL,
    SEED_PROMPT,
    CountingProvider,
    RecordedEvents,
    generated_rows,
    make_gateway,
    make_spec,
    wait_for_other_threads,
)


class RoleJournal(MemoryJournal):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[CallRecord] = []
        self._guard = threading.Lock()

    def record(self, call: CallRecord) -> None:
        with self._guard:
            self.calls.append(call)
        super().record(call)

    def models(self) -> set[tuple[str, str]]:
        return {(call.role, call.model) for call in self.calls}


def mipro_spec(**changes: object) -> JobSpec:
    return make_spec(**{"strategy": "miprov2", **changes})


@pytest.fixture(scope="module")
def outcome() -> JobOutcome:
    return run_job(mipro_spec(), make_gateway(CountingProvider()), NoEvents())


def test_it_finds_an_instruction_and_demonstrations_that_hold_on_unseen_rows(
    outcome: JobOutcome,
) -> None:
    assert outcome.verdict is Verdict.CONFIRMED
    assert outcome.winner is not None
    assert outcome.winner.demos or outcome.winner.system != SEED_PROMPT.system
    assert any(trial.artifact.system != SEED_PROMPT.system for trial in outcome.trials)
    assert outcome.dspy_state["predict"]["signature"]["instructions"]
    assert outcome.versions["optuna"]
    assert outcome.search.proposed >= 3


def test_minibatches_nominate_and_whole_evaluations_decide(outcome: JobOutcome) -> None:
    hollow = [trial for trial in outcome.trials if not trial.is_full]
    full = [trial for trial in outcome.trials if trial.is_full]
    best = max(full, key=lambda trial: (trial.score, -trial.number))
    assert {trial.n_examples for trial in hollow} == {25}
    assert {trial.n_examples for trial in full} == {60}
    assert not any(trial.is_best for trial in hollow)
    assert outcome.winner == best.artifact
    assert outcome.dev_after is not None
    assert outcome.dev_after.mean == pytest.approx(best.score)
    assert _nominated(hollow) <= {trial.artifact.hash for trial in full}


def _nominated(hollow: list[strategy.TrialEvent]) -> set[str]:
    sums, counts = Counter[str](), Counter[str]()
    for trial in hollow:
        sums[trial.artifact.hash] += trial.score
        counts[trial.artifact.hash] += 1
    means = {key: sums[key] / counts[key] for key in sums}
    worst_of_three = sorted(means.values(), reverse=True)[:3][-1]
    return {key for key, mean in means.items() if mean > worst_of_three}


def test_a_small_dev_set_is_scored_whole_each_time() -> None:
    rows = generated_rows(12, 24, 0)
    outcome = run_job(mipro_spec(rows=rows), make_gateway(CountingProvider()), NoEvents())
    assert all(trial.is_full and trial.n_examples == 24 for trial in outcome.trials)
    assert len(outcome.trials) == 1 + 3


@pytest.mark.parametrize(("train", "dev"), [(1, 24), (4, 16), (2, 50)])
@pytest.mark.parametrize("num_trials", [1, 6])
def test_hardly_any_rows_and_hardly_any_combinations_end_well(
    train: int, dev: int, num_trials: int
) -> None:
    spec = mipro_spec(rows=generated_rows(train, dev, 0), settings={"num_trials": num_trials})
    outcome = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    assert outcome.stop_reason is StopReason.FINISHED, outcome.stop_detail


def test_with_one_combination_left_nothing_is_evaluated_twice_and_nothing_crashes() -> None:
    def silent(_number: int, request: ChatRequest) -> ChatResponse | None:
        asked = str(request.messages[-1]["content"])
        return ChatResponse("?", 5, 1) if "Respond with" in asked else None

    spec = mipro_spec(
        rows=generated_rows(1, 60, 0), settings={"num_trials": 15, "max_bootstrapped_demos": 1}
    )
    outcome = run_job(spec, make_gateway(CountingProvider(before=silent)), NoEvents())
    assert outcome.stop_reason is StopReason.FINISHED, outcome.stop_detail
    hashes = [trial.artifact.hash for trial in outcome.trials if trial.is_full]
    assert outcome.search.proposed == len(outcome.search.dropped) > 0
    assert len(hashes) <= 4


def test_shuffled_answers_are_not_confirmed() -> None:
    rows = generated_rows(seed=3, shuffled=True)
    outcome = run_job(mipro_spec(rows=rows), make_gateway(CountingProvider()), NoEvents())
    assert outcome.verdict is not Verdict.CONFIRMED


@pytest.mark.parametrize("name", ["miprov2", "bootstrap"])
@pytest.mark.parametrize("reasoning", [None, True])
def test_a_second_run_over_the_same_journal_pays_nothing_and_ends_alike(
    name: str, reasoning: bool | None
) -> None:
    journal, spec = MemoryJournal(), make_spec(strategy=name, reasoning=reasoning)
    first = run_job(spec, make_gateway(CountingProvider(), journal=journal), NoEvents())
    unused = CountingProvider()
    again = make_gateway(unused, journal=journal, spent=first.spent)
    assert run_job(replace(spec, threads=1), again, NoEvents()) == first
    assert unused.calls == 0


def test_two_seeds_search_differently_and_zero_is_a_seed() -> None:
    curves = []
    for seed in (0, 9, 0):
        outcome = run_job(mipro_spec(seed=seed), make_gateway(CountingProvider()), NoEvents())
        curves.append([trial.artifact.hash for trial in outcome.trials])
    assert curves[0] == curves[2] != curves[1]


@pytest.mark.parametrize("name", ["miprov2", "bootstrap"])
def test_the_teacher_teaches_and_the_student_is_scored(name: str) -> None:
    journal = RoleJournal()
    spec = make_spec(strategy=name, teacher="demo/strong")
    run_job(spec, make_gateway(CountingProvider(), journal=journal), NoEvents())
    assert journal.models() == {("student", MODEL), ("teacher", "demo/strong")}


def test_meta_prompts_are_dspys_own_and_show_the_prompt_but_neither_dev_nor_hold_out() -> None:
    provider = CountingProvider()
    run_job(mipro_spec(), make_gateway(provider), NoEvents())
    meta = [
        text
        for request in provider.requests
        if "Respond with" in (text := str(request.messages[-1]["content"]))
    ]
    numbers = range(40, 200)
    unseen = [str(row.inputs["text"]) for row in generated_rows() if int(row.id[4:]) in numbers]
    assert any(prompt_text(SEED_PROMPT) in text for text in meta)
    assert not any(row in text for text in meta for row in unseen)
    assert "class PromptProgram" not in "".join(meta)


@pytest.mark.parametrize("name", ["miprov2", "bootstrap"])
def test_with_reasoning_demonstrations_carry_the_teachers_and_answers_hide_it(name: str) -> None:
    outcome = run_job(
        make_spec(strategy=name, reasoning=True), make_gateway(CountingProvider()), NoEvents()
    )
    demos = [demo for trial in outcome.trials for demo in trial.artifact.demos]
    assert all(trial.artifact.reasoning for trial in outcome.trials)
    assert demos
    assert all(demo.outputs["reasoning"] and demo.outputs["colour"] for demo in demos)
    outputs = [row.output for event in outcome.evaluations for row in event.rows if row.output]
    assert all(set(output) == {"colour"} for output in outputs)
    assert outcome.baseline_hash == SEED_PROMPT.hash


def test_reasoning_can_be_turned_off() -> None:
    spec = mipro_spec(artifact=SEED_PROMPT.with_(reasoning=True), reasoning=False)
    outcome = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    assert not any(trial.artifact.reasoning for trial in outcome.trials)
    assert outcome.baseline_hash == spec.artifact.hash


@pytest.mark.parametrize(
    ("proposal", "problem"),
    [
        ("", "could not be read"),
        ("Sort {{topic}} well.", "variables"),
        ("Sort {{text}} well.", "variables"),
        ("word " * 50, "longer than 100"),
        ("Sort\x00 it.", "control characters"),
        ("  Sort the message into one colour.\n", "again"),
    ],
)
def test_a_proposal_that_would_break_the_prompt_is_dropped(proposal: str, problem: str) -> None:
    sieve = Sieve(Rules.of(SEED_PROMPT, longest=100))
    for text in (proposal, "Sort it."):
        sieve.add(text)
    assert sieve.kept == ["Sort it."]
    assert problem in sieve.report().dropped[0]
    assert sieve.report().proposed == 2


def test_a_prompts_own_variables_have_to_stay() -> None:
    sieve = Sieve(Rules.of(replace(SEED_PROMPT, system="About {{text}}: sort.")))
    sieve.add("Sort it.")
    sieve.add("Sort {{ text }}.")
    assert sieve.kept == ["Sort {{ text }}."]


def test_broken_proposals_are_counted_and_never_scored() -> None:
    def break_proposals(_number: int, request: ChatRequest) -> ChatResponse | None:
        text = str(request.messages[-1]["content"])
        if "## proposed_instruction" not in text:
            return None
        variable = hashlib.sha256(text.encode()).hexdigest()[:6]
        answer = f"[[ ## proposed_instruction ## ]]\nSort {{{{v{variable}}}}}.\n"
        return ChatResponse(answer + "[[ ## completed ## ]]", 5, 5)

    gateway = make_gateway(CountingProvider(before=break_proposals))
    outcome = run_job(mipro_spec(), gateway, NoEvents())
    assert outcome.stop_reason is StopReason.FINISHED
    assert len(outcome.search.dropped) == outcome.search.proposed > 0
    assert {trial.artifact.system for trial in outcome.trials} == {SEED_PROMPT.system}


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("stop_at", [30, 90, 130, 250])
def test_a_stop_leaves_at_once_with_the_best_so_far(stop_at: int, threads: int) -> None:
    holder: list[Gateway] = []
    begun: list[int] = []

    def before(number: int, _request: ChatRequest) -> ChatResponse | None:
        if number == stop_at:
            holder[0].meter.stop(StopReason.CANCELLED, "as scripted")
            begun.append(number)
        return None

    provider = CountingProvider(before=before)
    holder.append(make_gateway(provider))
    outcome = run_job(mipro_spec(threads=threads), holder[0], NoEvents())
    wait_for_other_threads()
    assert outcome.stop_reason is StopReason.CANCELLED
    assert provider.calls <= begun[0] + threads - 1
    assert outcome.verdict is (Verdict.NONE if outcome.winner is None else outcome.verdict)


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("calls", [61, 75, 200])
def test_a_cap_on_calls_is_never_passed(calls: int, threads: int) -> None:
    provider = CountingProvider()
    gateway = make_gateway(provider, budget=Budget(calls=calls))
    outcome = run_job(mipro_spec(threads=threads), gateway, NoEvents())
    wait_for_other_threads()
    assert outcome.stop_reason is StopReason.CALLS
    assert provider.calls == outcome.spent.calls == calls


@pytest.mark.parametrize("good", [70, 200])
def test_a_metric_that_fails_stops_the_job(broken_metric: Callable[[int], str], good: int) -> None:
    spec = mipro_spec(evaluator=broken_metric(good))
    outcome = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    assert outcome.stop_reason is StopReason.ERROR
    assert "the metric failed" in outcome.stop_detail


def test_the_search_prints_nothing_and_leaves_dspys_settings_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = dspy.settings.lm, dspy.settings.adapter, dspy.settings.callbacks
    run_job(mipro_spec(), make_gateway(CountingProvider()), RecordedEvents())
    assert capfd.readouterr() == ("", "")
    assert (dspy.settings.lm, dspy.settings.adapter, dspy.settings.callbacks) == before


def test_without_its_package_the_strategy_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages = {"miprov2": ("a_package_that_is_not_there",)}
    monkeypatch.setattr(strategy, "_PACKAGES", packages)
    with pytest.raises(StrategyUnavailable, match=r"a_package_that.*worker\.lock"):
        run_job(mipro_spec(), make_gateway(provider := CountingProvider()), NoEvents())
    assert provider.calls == 0
    assert strategy.missing_packages("bootstrap") == ()
