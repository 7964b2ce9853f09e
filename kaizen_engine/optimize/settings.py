"""How far each strategy may go: what a job asked for, kept within limits that hold on small data.

Optimizer-free, so that estimates and searches read the same numbers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ATTEMPTS_PER_DEMO = 8
# DSPy's own threshold for minibatches; below it a whole evaluation costs hardly more.
_MINIBATCH_FROM_ROWS = 50
_MINIBATCH_ROWS = 25
_FULL_EVERY_TRIALS = 5
_FINALISTS = 3
_FIXED_CANDIDATES = 3  # without demonstrations, labelled ones only, unshuffled bootstrapping
_TRIALS_PER_CANDIDATE = 1.5
_SUMMARY_CALLS = 10
_FEWEST_SHOWN, _MOST_SHOWN = 10, 40


@dataclass(frozen=True)
class BootstrapSettings:
    """`num_trials` random candidates beside three fixed ones, and demonstrations in each.

    `max_demos` bounds all demonstrations of a prompt, `max_bootstrapped_demos` those among them
    that the teacher answered itself; an answer scored below `good_score` is none.
    """

    num_trials: int = 6
    max_demos: int = 16
    max_bootstrapped_demos: int = 4
    good_score: float = 0.8

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "BootstrapSettings":
        """Read a job's settings, kept within limits; unknown names are left to others."""
        return cls(
            num_trials=_within(settings, "num_trials", cls.num_trials, 1, 15),
            max_demos=_within(settings, "max_demos", cls.max_demos, 1, 24),
            max_bootstrapped_demos=_within(
                settings, "max_bootstrapped_demos", cls.max_bootstrapped_demos, 1, 8
            ),
            good_score=float(settings.get("good_score", cls.good_score)),
        )

    @property
    def candidates(self) -> int:
        return self.num_trials + _FIXED_CANDIDATES

    def attempts(self, train: int, dev: int) -> int:
        """Return how many train rows a candidate may try to answer for its demonstrations."""
        return min(train, dev, ATTEMPTS_PER_DEMO * self.max_bootstrapped_demos)


@dataclass(frozen=True)
class MiproSettings:
    """One MIPROv2 run, sized for its data.

    `candidates` instructions and as many sets of demonstrations are combined in `trials`, each
    scored on `minibatch` dev rows, or on all of them where `minibatch` is None. Every
    `full_every` trials the leader is scored on all rows, at the end the best `finalists` are.
    `rows_shown` train rows go into each call that describes the data. A longer instruction than
    `longest_instruction` characters is dropped.
    """

    demos: BootstrapSettings
    trials: int
    candidates: int
    minibatch: int | None
    rows_shown: int
    full_every: int = _FULL_EVERY_TRIALS
    finalists: int = _FINALISTS
    longest_instruction: int = 8000

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, train: int, dev: int) -> "MiproSettings":
        demos = BootstrapSettings.of(settings)
        wanted = round(demos.num_trials / _TRIALS_PER_CANDIDATE)
        most = max(_FIXED_CANDIDATES, min(10, train))
        is_large = dev >= _MINIBATCH_FROM_ROWS
        return cls(
            demos=demos,
            trials=demos.num_trials,
            candidates=_within(settings, "num_candidates", wanted, _FIXED_CANDIDATES, most),
            minibatch=min(_MINIBATCH_ROWS, dev) if is_large else None,
            rows_shown=max(_FEWEST_SHOWN, min(_MOST_SHOWN, math.ceil(train / _SUMMARY_CALLS))),
        )

    @property
    def full_evaluations(self) -> int:
        """How many whole evaluations a minibatch run makes on its way, but for the first."""
        return 0 if self.minibatch is None else math.ceil(self.trials / self.full_every)

    @property
    def most_full_evaluations(self) -> int:
        """Those and the finalists; more candidates than trials there cannot be."""
        if self.minibatch is None:
            return 0
        return min(self.trials, self.full_evaluations + self.finalists)

    @property
    def bootstrapped_sets(self) -> int:
        """How many sets of demonstrations the teacher answers; two are made without it."""
        return self.candidates - 2

    def proposer_calls(self, train: int) -> int:
        """Return the teacher's calls: to describe the data, then three for each instruction."""
        described = min(_SUMMARY_CALLS, max(1, math.ceil(train / self.rows_shown)))
        return described + 1 + 3 * self.candidates


def _within(settings: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    asked = settings.get(name)
    return max(low, min(high, default if asked is None else int(asked)))
