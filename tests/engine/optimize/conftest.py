from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kaizen_engine.evaluate import metrics
from kaizen_engine.evaluate.metrics import exact_match


class BreakingMetric:
    """Works like exact match for `good` scores, then fails."""

    name = "breaking"

    def __init__(self, good: int) -> None:
        self._left = good

    def score(self, expected: Mapping[str, Any], output: Mapping[str, Any]) -> float:
        self._left -= 1
        if self._left < 0:
            raise ZeroDivisionError("nothing to divide by")
        return exact_match(expected, output)


@pytest.fixture
def broken_metric(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], str]:
    """Register a metric that fails after so many scores; returns its name."""

    def register(good: int) -> str:
        metric = BreakingMetric(good)
        monkeypatch.setattr(metrics, "METRICS", {**metrics.METRICS, metric.name: metric})
        return metric.name

    return register
