"""What every search has in common, and the register of searches.

A new strategy is one module with a `search` function and one line in STRATEGIES. Modules are
imported when a job runs, so that web processes never load an optimizer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

from kaizen_engine.evaluate.metrics import Metric
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.prompts.artifact import PromptArtifact

STRATEGIES: Mapping[str, str] = {
    "bootstrap": "kaizen_engine.optimize.dspy_bootstrap:search",
}


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

    `template` is the student's request without messages. `check` raises JobAbort once the job
    has to stop; searches call it between steps that call no model.
    """

    artifact: PromptArtifact
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    metric: Metric
    door: ModelDoor
    template: ChatRequest
    check: Callable[[], None]
    threads: int
    seed: int
    settings: Mapping[str, Any]


OnTrial = Callable[[TrialEvent], None]


class Strategy(Protocol):
    def __call__(self, request: SearchRequest, on_trial: OnTrial) -> None:
        """Search, reporting every scored candidate as it comes. Raises JobAbort.

        The winner is the best full trial reported, so that an aborted search has one too.
        """
        ...


def load_strategy(name: str) -> Strategy:
    """Import the strategy called `name`. Raises LookupError naming those there are."""
    path = STRATEGIES.get(name)
    if path is None:
        message = f"no strategy is called {name!r}; there are {', '.join(sorted(STRATEGIES))}"
        raise LookupError(message)
    module, _, function = path.partition(":")
    return cast(Strategy, getattr(import_module(module), function))


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
