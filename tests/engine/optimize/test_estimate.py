from decimal import Decimal
from typing import Any

import pytest

from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.estimate import (
    BootstrapSettings,
    MeanTokens,
    Rows,
    estimate_job,
)
from kaizen_engine.optimize.job import NoEvents, run_job
from tests.engine.optimize.support import CountingProvider, generated_rows, make_gateway, make_spec

TOKENS = MeanTokens(prompt=60, demo=20, answer=3)
PRICE = Price(Decimal("2.5"), Decimal(10))


@pytest.mark.parametrize(("train", "dev", "test"), [(4, 16, 0), (40, 60, 100), (400, 80, 30)])
@pytest.mark.parametrize("settings", [{}, {"num_trials": 15, "max_demos": 24}, {"num_trials": 1}])
def test_the_upper_figure_is_at_most_twice_the_lower(
    train: int, dev: int, test: int, settings: dict[str, Any]
) -> None:
    estimate = estimate_job(Rows(train, dev, test), TOKENS, PRICE, settings)
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
