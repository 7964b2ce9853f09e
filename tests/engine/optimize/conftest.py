import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from kaizen_engine.evaluate import spec
from kaizen_engine.evaluate.evaluator import Case, Mark, Needs, Tier
from kaizen_engine.evaluate.evaluators import exact_match


class BreakingScore:
    """Works like exact match for `good` scores, then fails."""

    def __init__(self, good: int) -> None:
        self._left = good

    def __call__(self, case: Case) -> Mark:
        self._left -= 1
        if self._left < 0:
            raise ZeroDivisionError("nothing to divide by")
        return exact_match.score(case)


@pytest.fixture
def broken_metric(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], str]:
    """Add an evaluator that fails after so many scores; returns its kind."""

    def register(good: int) -> str:
        module = ModuleType("breaking_evaluator")
        score = BreakingScore(good)
        vars(module).update(
            TIER=Tier.DETERMINISTIC, NEEDS=Needs.EXPECTED, build=lambda options, door: score
        )
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(spec, "KINDS", {**spec.KINDS, "breaking": module.__name__})
        return "breaking"

    return register
