from decimal import Decimal
from typing import Any

import pytest

from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.estimate import MeanTokens, Rows, estimate_job, planned_trials
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.optimize.settings import BootstrapSettings, MiproSettings
from kaizen_engine.optimize.strategy import BREEDERS, STRATEGIES
from tests.engine.optimize.support import CountingProvider, generated_rows, make_gateway, make_spec

TOKENS = MeanTokens(prompt=60, demo=20, answer=3)
PRICE = Price(Decimal("2.5"), Decimal(10))


DEAR = Price(Decimal(15), Decimal(75))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("train", "dev", "test"), [(4, 16, 0), (40, 60, 100), (400, 80, 30)])
@pytest.mark.parametrize("settings", [{}, {"num_trials": 15, "max_demos": 24}, {"num_trials": 1}])
@pytest.mark.parametrize("adds_reasoning", [False, True])
def test_the_upper_figure_is_at_most_twice_the_lower(
    strategy: str,
    train: int,
    dev: int,
    test: int,
    settings: dict[str, Any],
    adds_reasoning: bool,
) -> None:
    estimate = estimate_job(
        Rows(train, dev, test),
        TOKENS,
        PRICE,
        settings,
        strategy,
        teacher_price=DEAR,
        adds_reasoning=adds_reasoning,
    )
    assert estimate.usd_low is not None
    assert estimate.usd_high is not None
    assert 0 < estimate.calls_low <= estimate.calls_high <= 2 * estimate.calls_low
    assert 0 < estimate.tokens_low <= estimate.tokens_high <= 2 * estimate.tokens_low
    assert 0 < estimate.usd_low <= estimate.usd_high <= 2 * estimate.usd_low


@pytest.mark.parametrize(("train", "dev", "test"), [(40, 60, 100), (30, 40, 0)])
def test_a_real_job_stays_within_its_estimate(train: int, dev: int, test: int) -> None:
    provider = CountingProvider()
    spec = make_spec(generated_rows(train, dev, test))
    run_job(spec, make_gateway(provider), NoEvents())
    estimate = estimate_job(Rows(train, dev, test), TOKENS, PRICE, spec.settings)
    assert estimate.calls_low <= provider.calls <= estimate.calls_high


@pytest.mark.parametrize(
    ("train", "dev", "test", "num_trials"),
    [(40, 60, 100, 6), (10, 20, 0, 6), (30, 45, 50, 15), (100, 200, 80, 12), (12, 49, 30, 3)],
)
def test_a_real_miprov2_job_stays_within_its_estimate(
    train: int, dev: int, test: int, num_trials: int
) -> None:
    provider = CountingProvider()
    spec = make_spec(
        generated_rows(train, dev, test), strategy="miprov2", settings={"num_trials": num_trials}
    )
    outcome = run_job(spec, make_gateway(provider), NoEvents())
    rows = Rows(train, dev, test)
    estimate = estimate_job(rows, TOKENS, PRICE, spec.settings, "miprov2")
    assert estimate.calls_low <= provider.calls <= estimate.calls_high
    assert len(outcome.trials) <= planned_trials("miprov2", spec.settings, rows)


@pytest.mark.parametrize("strategy", sorted(BREEDERS))
@pytest.mark.parametrize(
    ("train", "dev", "test", "num_trials"),
    [(10, 20, 0, 6), (30, 45, 50, 15), (96, 288, 96, 6), (12, 49, 30, 3)],
)
def test_a_search_that_breeds_stays_within_its_estimate(
    strategy: str, train: int, dev: int, test: int, num_trials: int
) -> None:
    provider = CountingProvider()
    spec = make_spec(
        generated_rows(train, dev, test), strategy=strategy, settings={"num_trials": num_trials}
    )
    outcome = run_job(spec, make_gateway(provider), NoEvents())
    rows = Rows(train, dev, test)
    estimate = estimate_job(rows, TOKENS, PRICE, spec.settings, strategy)
    assert estimate.calls_low <= provider.calls <= estimate.calls_high
    assert len(outcome.trials) <= planned_trials(strategy, spec.settings, rows)


def test_a_reasoning_job_stays_within_its_estimate() -> None:
    provider = CountingProvider()
    spec = make_spec(strategy="miprov2", reasoning=True)
    run_job(spec, make_gateway(provider), NoEvents())
    estimate = estimate_job(
        Rows(40, 60, 100), TOKENS, PRICE, spec.settings, "miprov2", adds_reasoning=True
    )
    assert estimate.calls_low <= provider.calls <= estimate.calls_high


def test_a_dearer_teacher_makes_the_job_dearer() -> None:
    rows = Rows(40, 60, 100)
    plain = estimate_job(rows, TOKENS, PRICE, strategy="miprov2")
    taught = estimate_job(rows, TOKENS, PRICE, strategy="miprov2", teacher_price=DEAR)
    assert plain.usd_high is not None
    assert taught.usd_high is not None
    assert taught.usd_high > plain.usd_high
    assert taught.calls_high == plain.calls_high


@pytest.mark.parametrize(
    ("dev", "minibatch", "fulls"), [(20, None, 0), (49, None, 0), (50, 25, 2), (400, 25, 2)]
)
def test_minibatches_begin_at_fifty_dev_rows(dev: int, minibatch: int | None, fulls: int) -> None:
    plan = MiproSettings.of({"num_trials": 6}, train=40, dev=dev)
    assert (plan.minibatch, plan.full_evaluations) == (minibatch, fulls)
    assert (plan.trials, plan.candidates) == (6, 4)


def test_few_train_rows_make_few_candidates() -> None:
    few = MiproSettings.of({"num_trials": 15, "num_candidates": 99}, train=4, dev=16)
    many = MiproSettings.of({"num_trials": 15}, train=400, dev=80)
    assert (few.candidates, many.candidates) == (4, 10)
    assert (few.rows_shown, many.rows_shown) == (10, 40)
    assert planned_trials("bootstrap", {"num_trials": 6}, Rows(4, 16, 0)) == 9


def test_an_unknown_price_is_unknown_and_not_free() -> None:
    estimate = estimate_job(Rows(40, 60, 100), TOKENS, None)
    assert (estimate.usd_low, estimate.usd_high) == (None, None)
    assert estimate.tokens_high > 0


def test_the_formula_is_candidates_times_dev_and_the_hold_out_twice() -> None:
    estimate = estimate_job(Rows(40, 60, 100), TOKENS, None, {"num_trials": 6})
    assert estimate.calls_low == 9 * 60 + 2 * 100


def test_settings_are_kept_within_limits() -> None:
    settings = BootstrapSettings.of({"num_trials": 99, "max_demos": 100, "others": 1})
    assert (settings.num_trials, settings.max_demos) == (15, 24)
    assert settings.candidates <= 20
    assert BootstrapSettings.of({"num_trials": None}) == BootstrapSettings()
    assert BootstrapSettings.of({"max_demos": 0}).max_demos == 1


def test_a_strategy_without_a_formula_is_refused() -> None:
    with pytest.raises(LookupError, match="alchemy"):
        estimate_job(Rows(40, 60, 100), TOKENS, None, strategy="alchemy")
