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
_REFLECTED_ROWS, _TRIES_PER_ACCEPTED = 8, 4
_SIMBA_CANDIDATES, _SIMBA_BATCH = 3, 24
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
    `rows_shown` train rows go into each call that describes the data.
    """

    demos: BootstrapSettings
    trials: int
    candidates: int
    minibatch: int | None
    rows_shown: int
    full_every: int = _FULL_EVERY_TRIALS
    finalists: int = _FINALISTS

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


@dataclass(frozen=True)
class GepaSettings:
    """One GEPA run: a budget for `accepted` candidates on the whole search part of dev, each after
    one try on `minibatch` train rows, and at most `proposals` tries in all."""

    accepted: int
    minibatch: int

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, train: int) -> "GepaSettings":
        return cls(
            accepted=_within(settings, "num_trials", BootstrapSettings.num_trials, 1, 15),
            minibatch=max(1, min(_REFLECTED_ROWS, train)),
        )

    @property
    def proposals(self) -> int:
        return _TRIES_PER_ACCEPTED * self.accepted

    def budget(self, searched: int) -> int:
        """Return after how many scored rows no further proposal is made, the seed's included."""
        return searched + self.accepted * (2 * self.minibatch + searched)

    def most_metric_calls(self, searched: int) -> int:
        """Return how many rows are scored at most: GEPA looks at its budget between proposals."""
        return self.budget(searched) + 2 * self.minibatch + searched


@dataclass(frozen=True)
class SimbaSettings:
    """One SIMBA run: in each of `steps`, up to `candidates` + 1 new ones on `batch` train rows."""

    steps: int
    candidates: int
    batch: int
    max_demos: int
    good_score: float

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, train: int) -> "SimbaSettings":
        demos = BootstrapSettings.of(settings)
        return cls(
            steps=demos.num_trials,
            candidates=_SIMBA_CANDIDATES,
            batch=max(1, min(_SIMBA_BATCH, train)),
            max_demos=demos.max_demos,
            good_score=demos.good_score,
        )

    @property
    def built(self) -> int:
        return self.steps * (self.candidates + 1)


@dataclass(frozen=True)
class AnalystSettings:
    """One run of analyst and architect.

    At most `clusters` groups of failures are diagnosed, each by up to `examples` of them;
    `instructions` are written, and the best of them gets `demo_candidates` sets of demonstrations
    beside the fixed ones of the random search.
    """

    instructions: int
    demo_candidates: int
    good_score: float
    clusters: int = 6
    examples: int = 12

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "AnalystSettings":
        demos = BootstrapSettings.of(settings)
        instructions = math.ceil(demos.num_trials / 2)
        return cls(
            instructions=instructions,
            demo_candidates=max(1, demos.num_trials - instructions),
            good_score=demos.good_score,
        )

    @property
    def scored_with_demos(self) -> int:
        """Candidates of the random search, but for the one without demonstrations."""
        return self.demo_candidates + _FIXED_CANDIDATES - 1


def _within(settings: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    asked = settings.get(name)
    return max(low, min(high, default if asked is None else int(asked)))
