"""What every search has in common, and the register of searches.

A new strategy is one module with a `search` function and one line in STRATEGIES. Modules are
imported when a job runs, so that web processes never load an optimizer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from kaizen_engine.errors import StrategyUnavailable
from kaizen_engine.evaluate.metrics import Metric
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.prompts.artifact import PromptArtifact

STRATEGIES: Mapping[str, str] = {
    "bootstrap": "kaizen_engine.optimize.dspy_bootstrap:search",
    "miprov2": "kaizen_engine.optimize.dspy_miprov2:search",
}
# Packages beyond DSPy's own requirements; DSPy itself would only notice in the middle of a run.
_PACKAGES: Mapping[str, tuple[str, ...]] = {"miprov2": ("optuna",)}


class ModelDoor(Protocol):
    """What `kaizen_engine.llm.gateway.Gateway` offers to a search."""

    def complete(self, request: ChatRequest, *, role: str) -> ChatResponse: ...


@dataclass(frozen=True)
class TrialEvent:
    """One scored candidate. `score` is the mean over `n_examples` rows, from 0 to 1.

    `is_full` says that every dev row was scored; `is_best` that it leads from here on.
    `provenance` is the optimizer's own state, for the record only.
    """

    number: int
    artifact: PromptArtifact
    n_examples: int
    score: float
    is_full: bool
    is_best: bool
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class SearchRequest:
    """All that a strategy may see: train and dev, never the hold-out.

    `artifact` is where the search starts, with `reasoning` as the job wants it. `template` is
    the student's request without messages, `teacher` that of the model that answers train rows
    for demonstrations and writes instructions. `check` raises JobAbort once the job has to stop;
    searches call it between steps that call no model.
    """

    artifact: PromptArtifact
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    metric: Metric
    door: ModelDoor
    template: ChatRequest
    teacher: ChatRequest
    check: Callable[[], None]
    threads: int
    seed: int
    settings: Mapping[str, Any]


OnTrial = Callable[[TrialEvent], None]


@dataclass(frozen=True)
class SearchReport:
    """What a finished search has to say beside its trials: instructions that were written by the
    teacher, and why some of them were dropped before any was scored."""

    proposed: int = 0
    dropped: tuple[str, ...] = ()


class Strategy(Protocol):
    def __call__(self, request: SearchRequest, on_trial: OnTrial) -> SearchReport:
        """Search, reporting every scored candidate as it comes. Raises JobAbort.

        The winner is the best full trial reported, so that an aborted search has one too.
        """
        ...


def load_strategy(name: str) -> Strategy:
    """Import the strategy called `name`.

    Raises LookupError naming those there are, StrategyUnavailable for one whose packages are
    not installed.
    """
    path = STRATEGIES.get(name)
    if path is None:
        message = f"no strategy is called {name!r}; there are {', '.join(sorted(STRATEGIES))}"
        raise LookupError(message)
    if missing := missing_packages(name):
        message = (
            f"the strategy {name!r} needs {', '.join(missing)}, which this machine lacks: "
            "install requirements/worker.lock"
        )
        raise StrategyUnavailable(message)
    module, _, function = path.partition(":")
    return cast(Strategy, getattr(import_module(module), function))


def packages_for(name: str) -> tuple[str, ...]:
    """Return the packages that this strategy needs and others do not."""
    return _PACKAGES.get(name, ())


def missing_packages(name: str) -> tuple[str, ...]:
    """Return those of them that are not installed here, without importing any."""
    return tuple(package for package in packages_for(name) if find_spec(package) is None)


class Leaderboard:
    """Numbers the trials and remembers the best one, by (rows scored, score); the first wins."""

    def __init__(self, full: int) -> None:
        self._full = full
        self._trials: list[TrialEvent] = []
        self.best: TrialEvent | None = None

    @property
    def trials(self) -> tuple[TrialEvent, ...]:
        return tuple(self._trials)

    def add(
        self, artifact: PromptArtifact, n_examples: int, score: float, provenance: Mapping[str, Any]
    ) -> TrialEvent:
        best = self.best
        leads = best is None or (n_examples, score) > (best.n_examples, best.score)
        trial = TrialEvent(
            number=len(self._trials) + 1,
            artifact=artifact,
            n_examples=n_examples,
            score=score,
            is_full=n_examples >= self._full,
            is_best=leads,
            provenance=provenance,
        )
        self._trials.append(trial)
        if leads:
            self.best = trial
        return trial

    def finalists(self, count: int) -> tuple[TrialEvent, ...]:
        """Return the best `count` candidates by the mean over all rows of their partial trials,
        leaving out those that have a full one; of equal means the first one leads."""
        partial = [trial for trial in self._trials if not trial.is_full]
        by_hash: dict[str, list[TrialEvent]] = {}
        for trial in partial:
            by_hash.setdefault(trial.artifact.hash, []).append(trial)
        ranked = sorted(by_hash, key=lambda key: _pooled(by_hash[key]), reverse=True)[:count]
        in_full = {trial.artifact.hash for trial in self._trials if trial.is_full}
        return tuple(by_hash[key][0] for key in ranked if key not in in_full)


def _pooled(trials: Sequence[TrialEvent]) -> float:
    rows = sum(trial.n_examples for trial in trials)
    return sum(trial.score * trial.n_examples for trial in trials) / rows
