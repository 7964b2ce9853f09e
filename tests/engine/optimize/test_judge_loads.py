from dataclasses import replace
from decimal import Decimal

import pytest

from kaizen_engine.evaluate.spec import Asked, asked_models
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.estimate import MeanTokens, PricedJudge, Rows, estimate_job

ROWS, TOKENS = Rows(10, 40, 0), MeanTokens(prompt=100, demo=50, answer=10)
PRICE = Price(Decimal(1), Decimal(2))
PAIR = {"kind": "pairwise", "model": "c/judge", "rubric": "Kind."}
DEAR = Price(Decimal(10), Decimal(20))


def estimate(*judges):
    return estimate_job(ROWS, TOKENS, PRICE, judges=judges)


def judged(spec, price=DEAR):
    return [PricedJudge(asked, price) for asked in asked_models(spec)]


def test_a_judge_is_asked_about_every_answer_and_its_calls_count():
    plain = estimate()
    rubric = estimate(*judged({**PAIR, "kind": "rubric"}))
    pairs = estimate(*judged(PAIR))
    assert rubric.calls_high == 2 * plain.calls_high
    assert pairs.calls_high == 4 * plain.calls_high
    assert plain.usd_high < rubric.usd_high < pairs.usd_high
    assert pairs.calls_low >= pairs.calls_high / 2
    assert pairs.usd_low * 2 >= pairs.usd_high


def test_a_dearer_judge_and_a_longer_rubric_cost_more():
    cheap = estimate(*judged(PAIR, PRICE))
    long = estimate(*judged({**PAIR, "rubric": "Kind. " * 500}, PRICE))
    assert cheap.usd_high < long.usd_high
    assert cheap.usd_high < estimate(*judged(PAIR, DEAR)).usd_high


def test_a_second_judge_costs_its_share():
    second = judged({**PAIR, "second": {"model": "c/other", "share": 0.5}})
    assert [one.asked.model for one in second] == ["c/judge", "c/other"]
    assert second[1].asked.high == second[0].asked.high / 2


def test_a_judge_without_a_price_leaves_the_dollars_unknown():
    assert estimate(*judged(PAIR, None)).usd_high is None


@pytest.mark.parametrize("spec", ["exact_match", "bleu", {"kind": "length", "max_words": 4}])
def test_what_asks_no_model_costs_nothing(spec):
    assert asked_models(spec) == []
    assert estimate(*judged(spec)) == estimate()


def test_the_calls_are_those_of_the_evaluator():
    assert asked_models(PAIR)[0] == replace(
        Asked("c/judge", 2, 3, 0), sent=asked_models(PAIR)[0].sent
    )
