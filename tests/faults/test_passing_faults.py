"""Faults that pass: the job finishes as if nothing had been, and pays for what it was billed."""

from decimal import Decimal

import pytest

from kaizen_engine.evaluate.runner import build_request
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.pricing import cost
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.states import Split, StopReason
from tests.engine.optimize.support import MODEL, PRICES, SEED_PROMPT, generated_rows
from tests.faults.scene import DEV, TEST, THREADS, TRAIN, Play, Scene, findings
from tests.servers.scripted_openai import Policy, Step, flaky, malformed

FIRST_CALL, IN_THE_SEARCH = 3, 60
BOTH = pytest.mark.parametrize("strategy", ["bootstrap", "miprov2"], indirect=True)


def at(*numbers: int, step: Step) -> Policy:
    return lambda number, _request: step if number in numbers else Step()


def burst(first: int, length: int, step: Step) -> Policy:
    return at(*range(first, first + length), step=step)


def both(one: Policy, other: Policy) -> Policy:
    def choose(number: int, request: ChatRequest) -> Step:
        step = one(number, request)
        return other(number, request) if step == Step() else step

    return choose


def accounted(play: Play) -> Decimal:
    answers = sum((call.cost_usd for call in play.journal.records), Decimal(0))
    return answers + sum((call.cost_usd for call in play.lost), Decimal(0))


@BOTH
def test_a_429_is_waited_out_by_everybody_for_as_long_as_it_says(scene: Scene, calm: Play) -> None:
    limited = Step(status=429, retry_after=1)
    play = scene.play(at(FIRST_CALL, IN_THE_SEARCH, step=limited))

    assert findings(play) == findings(calm)
    assert play.calls == calm.calls + 2
    refusals = [one for one in scene.server.received if one.status == 429]
    assert len(refusals) == 2
    for refusal in refusals:
        again = [
            one
            for one in scene.server.received
            if one.messages_hash == refusal.messages_hash and one.number > refusal.number
        ]
        assert again[0].at - refusal.done_at >= 1
        paused = [one for one in scene.server.received if 0.5 <= one.at - refusal.done_at < 0.95]
        assert paused == []
    assert play.lost == []


@BOTH
def test_bursts_of_500_change_nothing(scene: Scene, calm: Play) -> None:
    failing = Step(status=500)
    bursts = both(burst(5, 8, failing), burst(IN_THE_SEARCH, 8, failing))
    play = scene.play(both(bursts, burst(calm.calls - 20, 8, failing)))

    assert findings(play) == findings(calm)
    assert play.calls == calm.calls + 24
    assert play.outcome.spent.usd == calm.outcome.spent.usd


@BOTH
def test_a_500_that_asks_for_a_wait_gets_it(scene: Scene, calm: Play) -> None:
    play = scene.play(at(IN_THE_SEARCH, step=Step(status=503, retry_after=1)))
    assert findings(play) == findings(calm)
    (refusal,) = [one for one in scene.server.received if one.status == 503]
    again = [one for one in scene.server.received if one.messages_hash == refusal.messages_hash]
    assert again[-1].at - refusal.done_at >= 1


def test_a_slow_answer_is_given_up_asked_for_again_and_paid_for(scene: Scene, calm: Play) -> None:
    scene.call_timeout_s = 1.0
    slow = (FIRST_CALL, IN_THE_SEARCH, calm.calls - 5)
    play = scene.play(at(*slow, step=Step(delay_s=2.0)))

    assert findings(play) == findings(calm)
    assert len(play.lost) >= len(slow)
    assert play.outcome.spent.calls == calm.calls + len(play.lost)
    assert play.outcome.spent.usd == accounted(play) > calm.outcome.spent.usd


def test_truncated_answers_are_paid_for_at_the_upper_bound(scene: Scene, calm: Play) -> None:
    play = scene.play(flaky(every=6, step=Step(is_truncated=True)))

    assert findings(play) == findings(calm)
    assert len(play.lost) == play.calls // 6
    assert play.outcome.spent.usd == accounted(play)
    price = PRICES.price("words")
    bound = {
        cost(price, call.input_tokens, call.output_tokens) == call.cost_usd for call in play.lost
    }
    assert bound == {True}


@pytest.mark.parametrize("share", ["0.3", "0.8"])
def test_no_cap_is_passed_however_many_answers_are_truncated(
    scene: Scene, calm: Play, share: str
) -> None:
    cap = calm.outcome.spent.usd * Decimal(share)
    scene.budget = Budget(usd=cap)
    play = scene.play(flaky(every=4, step=Step(is_truncated=True)))

    outcome = play.outcome
    assert outcome.stop_reason is StopReason.BUDGET_USD
    assert outcome.spent.usd == accounted(play) <= cap
    assert outcome.spent.calls == play.calls
    assert list(outcome.trials) == list(calm.outcome.trials)[: len(outcome.trials)]


def test_nothing_but_truncated_answers_is_an_outage_and_paid_for(scene: Scene) -> None:
    play = scene.play(lambda _number, _request: Step(is_truncated=True))

    assert play.outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert play.evaluations == {}
    assert play.outcome.spent.usd == accounted(play) > 0
    assert 9 <= play.calls <= 9 + 3 * (THREADS - 1)
    assert len(play.lost) == play.calls


def test_malformed_answers_are_stored_and_score_nothing(scene: Scene, calm: Play) -> None:
    policy = malformed(0.25)
    play = scene.play(policy)

    assert play.outcome.stop_reason is StopReason.FINISHED
    assert play.calls == play.outcome.spent.calls
    assert [trial.is_full for trial in play.trials] == [True] * len(calm.trials)
    dev = [row for row in generated_rows(TRAIN, DEV, TEST) if row.split == Split.DEV]
    asked = {row.id: build_request(SEED_PROMPT, row.inputs, MODEL) for row in dev}
    garbled = {name for name, request in asked.items() if policy(0, request).text}
    before = {row.example_id: row for row in calm.evaluations["baseline_dev"].rows}
    baseline = {row.example_id: row for row in play.evaluations["baseline_dev"].rows}
    assert {name for name, row in baseline.items() if row.parse_error} == garbled
    assert 0 < len(garbled) < DEV
    for name in garbled:
        assert (baseline[name].score, baseline[name].output) == (0.0, None)
        assert baseline[name].text == "```\nI am not { sure"
    assert all(baseline[name] == before[name] for name in baseline.keys() - garbled)


def test_every_fault_at_once_changes_nothing_but_the_bill(scene: Scene, calm: Play) -> None:
    scene.call_timeout_s = 1.0
    steps = [Step(status=500), Step(is_truncated=True), Step(is_cut=True), Step(status=502)]
    steps += [Step(status=429), Step(delay_s=1.5)]
    by_number = {7 + 13 * place: step for place, step in enumerate(steps)}
    play = scene.play(lambda number, _request: by_number.get(number, Step()))
    assert findings(play) == findings(calm)
    assert play.outcome.spent.usd == accounted(play)
