"""Several models in one job: one table, one cap, and the search as if there were one model."""

from decimal import Decimal

import pytest

from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.types import ChatRequest, ChatResponse, Price
from kaizen_engine.optimize.estimate import MeanTokens, Rows, estimate_job
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.states import StopReason
from tests.engine.optimize.support import CountingProvider, generated_rows, make_gateway, make_spec

TOKENS = MeanTokens(60, 20, 3)
OTHER = "demo/strong"


def only_red(_number: int, request: ChatRequest) -> ChatResponse | None:
    return ChatResponse("red", 5, 1) if request.model == "strong" else None


@pytest.mark.parametrize("strategy", ["bootstrap", "gepa"])
def test_every_model_answers_dev_with_the_old_prompt_and_the_finalists(strategy: str) -> None:
    rows = generated_rows(30, 40, 40)
    spec = make_spec(rows, strategy=strategy)
    alone = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    provider = CountingProvider(before=only_red)
    together = run_job(
        make_spec(rows, strategy=strategy, students=(OTHER,)), make_gateway(provider), NoEvents()
    )
    assert alone.students == ()
    assert together.winner == alone.winner
    assert together.trials == alone.trials
    prompts = [line.prompt for line in together.students if line.model == OTHER]
    assert prompts == [line.prompt for line in together.students if line.model != OTHER]
    assert prompts[0] == "baseline"
    assert 1 <= len(prompts) - 1 <= 3
    red = sum(row.outputs["colour"] == "red" for row in rows if row.split == "dev") / 40
    assert {line.score.mean for line in together.students if line.model == OTHER} == {red}
    assert {line.score.n for line in together.students} == {40}


def test_the_searched_model_is_in_the_table_without_a_further_call() -> None:
    rows = generated_rows(30, 40, 0)
    alone, together = CountingProvider(), CountingProvider()
    run_job(make_spec(rows), make_gateway(alone), NoEvents())
    outcome = run_job(make_spec(rows, students=(OTHER,)), make_gateway(together), NoEvents())
    asked = sum(request.model == "strong" for request in together.requests)
    assert together.calls - alone.calls == asked
    assert asked == 40 * len([line for line in outcome.students if line.model == OTHER])


def test_the_cap_holds_for_all_models_together_and_what_was_proven_stands() -> None:
    rows = generated_rows(30, 40, 40)
    alone = CountingProvider()
    proven = run_job(make_spec(rows), make_gateway(alone), NoEvents())
    provider = CountingProvider()
    gateway = make_gateway(provider, budget=Budget(calls=alone.calls + 50))
    outcome = run_job(make_spec(rows, students=(OTHER,)), gateway, NoEvents())
    assert outcome.stop_reason is StopReason.CALLS
    assert provider.calls == alone.calls + 50
    assert outcome.winner == proven.winner
    assert outcome.comparison == proven.comparison
    assert [line.prompt for line in outcome.students if line.model == OTHER] == ["baseline"]


def test_more_students_are_in_the_estimate_at_their_own_price() -> None:
    price, dear = Price(Decimal(1), Decimal(2)), Price(Decimal(100), Decimal(200))
    rows = Rows(30, 40, 40)
    plain = estimate_job(rows, TOKENS, price)
    more = estimate_job(rows, TOKENS, price, student_prices=[price])
    dearer = estimate_job(rows, TOKENS, price, student_prices=[dear])
    assert more.calls_high - plain.calls_high == 4 * 40
    assert more.calls_high <= 2 * more.calls_low
    assert plain.usd_high is not None
    assert more.usd_high is not None
    assert dearer.usd_high is not None
    assert plain.usd_high < more.usd_high < dearer.usd_high
    assert estimate_job(rows, TOKENS, price, student_prices=[None]).usd_high is None
