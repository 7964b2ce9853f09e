"""Whatever stops a job: nothing is called afterwards, and the best so far is kept."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from kaizen_engine.errors import JobAbort, ProviderRejected
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.job import JobOutcome, NoEvents, TrialEvent, run_job
from kaizen_engine.states import StopReason, Verdict
from tests.engine.optimize.support import (
    CLOCK,
    SEED_PROMPT,
    CountingProvider,
    RecordedEvents,
    make_gateway,
    make_spec,
    wait_for_other_threads,
)

BASELINE, SECOND_CANDIDATE, HOLD_OUT = 30, 110, 450


def run_until(
    stop_at: int, reason: StopReason, threads: int
) -> tuple[JobOutcome, CountingProvider, int]:
    """Stop the meter from inside the nth call; return the calls begun before the stop as well."""
    holder: list[Gateway] = []
    begun: list[int] = []

    def before(number: int, _request: ChatRequest) -> ChatResponse | None:
        if number == stop_at:
            holder[0].meter.stop(reason, "as scripted")
            begun.append(number)
        return None

    provider = CountingProvider(before=before)
    holder.append(make_gateway(provider))
    outcome = run_job(make_spec(threads=threads), holder[0], NoEvents())
    wait_for_other_threads()
    return outcome, provider, begun[0]


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize(
    "reason", [StopReason.CANCELLED, StopReason.PROVIDER_DOWN, StopReason.ERROR, StopReason.TIMEOUT]
)
def test_a_stop_in_the_search_keeps_the_best_so_far(reason: StopReason, threads: int) -> None:
    outcome, provider, begun = run_until(SECOND_CANDIDATE + 60, reason, threads)

    assert outcome.stop_reason is reason
    assert outcome.stop_detail == "as scripted"
    assert outcome.verdict is Verdict.LIKELY
    assert outcome.winner is not None
    assert outcome.winner.hash != SEED_PROMPT.hash
    assert [event.label for event in outcome.evaluations] == ["baseline_dev", "winner_dev"]
    assert len(outcome.trials) < 6
    assert outcome.fixed_ids
    # Calls already past the meter's last look may end; none begins after it.
    assert provider.calls <= begun + threads - 1


@pytest.mark.parametrize("threads", [1, 8])
def test_a_stop_in_the_baseline_leaves_nothing_to_judge(threads: int) -> None:
    outcome, _, _ = run_until(BASELINE, StopReason.CANCELLED, threads)
    assert outcome.verdict is Verdict.NONE
    assert outcome.winner is None
    assert outcome.dev_before is None
    assert outcome.trials == ()


@pytest.mark.parametrize("threads", [1, 8])
def test_a_stop_on_the_hold_out_keeps_the_winner_unconfirmed(threads: int) -> None:
    complete = run_job(make_spec(), make_gateway(provider := CountingProvider()), NoEvents())
    outcome, _, _ = run_until(provider.calls - 50, StopReason.TIMEOUT, threads)
    assert outcome.winner == complete.winner
    assert outcome.verdict is Verdict.LIKELY
    assert outcome.dev_gain == complete.dev_gain
    assert outcome.comparison is None
    assert outcome.dev_after == complete.dev_after


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("calls", [61, 200, 333])
def test_a_cap_on_calls_is_never_passed(calls: int, threads: int) -> None:
    provider = CountingProvider()
    gateway = make_gateway(provider, budget=Budget(calls=calls))
    outcome = run_job(make_spec(threads=threads), gateway, NoEvents())
    wait_for_other_threads()
    assert outcome.stop_reason is StopReason.CALLS
    assert provider.calls == outcome.spent.calls == calls


def test_a_deadline_in_the_past_stops_before_the_first_call() -> None:
    provider = CountingProvider()
    budget = Budget(deadline=CLOCK.now() - timedelta(seconds=1))
    outcome = run_job(make_spec(), make_gateway(provider, budget=budget), NoEvents())
    assert outcome.stop_reason is StopReason.TIMEOUT
    assert provider.calls == 0


@pytest.mark.parametrize("threads", [1, 8])
def test_a_refusal_of_the_provider_is_an_error_and_not_a_bad_prompt(threads: int) -> None:
    def refuse(number: int, _request: ChatRequest) -> ChatResponse | None:
        if number >= SECOND_CANDIDATE:
            raise ProviderRejected("the key was revoked", status=401)
        return None

    gateway = make_gateway(CountingProvider(before=refuse))
    outcome = run_job(make_spec(threads=threads), gateway, NoEvents())
    assert outcome.stop_reason is StopReason.ERROR
    assert "revoked" in outcome.stop_detail
    assert all(trial.is_full for trial in outcome.trials)


def failing_at(trial_number: int, error: BaseException) -> RecordedEvents:
    class Failing(RecordedEvents):
        def trial(self, event: TrialEvent) -> None:
            if event.number == trial_number:
                raise error

    return Failing()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (JobAbort(StopReason.WORKER_LOST, "the lease is gone"), StopReason.WORKER_LOST),
        (OSError("the disk is full"), StopReason.ERROR),
    ],
)
def test_what_the_events_raise_in_the_search_stops_the_job(
    error: BaseException, reason: StopReason
) -> None:
    provider = CountingProvider()
    gateway = make_gateway(provider)
    outcome = run_job(make_spec(), gateway, failing_at(2, error))
    assert outcome.stop_reason is reason
    assert gateway.meter.stopped is reason
    # What could not be told is no part of the outcome.
    assert len(outcome.trials) == 1


def test_a_metric_that_fails_in_the_search_stops_the_job(
    broken_metric: Callable[[int], str],
) -> None:
    name = broken_metric(100)
    outcome = run_job(make_spec(evaluator=name), make_gateway(CountingProvider()), NoEvents())
    assert outcome.stop_reason is StopReason.ERROR
    assert "the metric failed" in outcome.stop_detail
