"""What every search has in common, and the register of searches.

A new strategy is one module with a `search` function and one line in STRATEGIES. Modules are
imported when a job runs, so that web processes never load an optimizer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Protocol, cast

from kaizen_engine.errors import StrategyUnavailable
from kaizen_engine.evaluate.evaluator import Evaluator
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.prompts.artifact import PromptArtifact

STRATEGIES: Mapping[str, str] = {
    "bootstrap": "kaizen_engine.optimize.dspy_bootstrap:search",
    "miprov2": "kaizen_engine.optimize.dspy_miprov2:search",
    "gepa": "kaizen_engine.optimize.dspy_gepa:search",
    "simba": "kaizen_engine.optimize.dspy_simba:search",
    "analyst": "kaizen_engine.optimize.dspy_analyst:search",
}
# Their candidates come of what earlier ones did on the same rows: others have to decide.
BREEDERS = frozenset({"gepa", "simba", "analyst"})
# The others show examples or describe them; a wish has nowhere to go.
HEAR_WISHES = frozenset({"gepa", "analyst"})
FINALISTS = 3
# Packages beyond DSPy's own requirements; DSPy itself would only notice in the middle of a run.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "miprov2": ("optuna",),
    "gepa": ("gepa",),
    "simba": ("numpy",),
}


class ModelDoor(Protocol):
    """What `kaizen_engine.llm.gateway.Gateway` offers to a search."""

    def complete(
        self, request: ChatRequest, *, role: str, sample: int | None = None
    ) -> ChatResponse: ...


Part = Literal["dev", "search", "select", "train"]


@dataclass(frozen=True)
class TrialEvent:
    """One scored candidate. `score` is the mean over `n_examples` rows, from 0 to 1.

    `is_full` says that every row of its part was scored, and then `rows` has the score of each by
    example id; `is_best` that it leads from here on. `part` is dev, or, for a strategy that
    breeds, search, select, or train for a minibatch. `warning` is for people to read.
    `provenance` is the optimizer's own state, for the record only.
    """

    number: int
    artifact: PromptArtifact
    n_examples: int
    score: float
    is_full: bool
    is_best: bool
    part: Part = "dev"
    rows: Mapping[str, float] = field(default_factory=dict, repr=False)
    warning: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class SearchRequest:
    """All that a strategy may see: train and dev, never the hold-out.

    `artifact` is where the search starts, with `reasoning` as the job wants it. `template` is
    the student's request without messages, `teacher` that of the model that answers train rows
    for demonstrations and writes instructions. `check` raises JobAbort once the job has to stop;
    searches call it between steps that call no model. `lessons` are rows of train without a right
    answer, and with a person's comment on the one that was given; `notes` are what people said of
    the task as a whole; `locked` are texts of the prompt that have to stay. `part` says what of dev
    is searched on, `baseline` what the prompt of today scored there, by example id.
    """

    artifact: PromptArtifact
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    metric: Evaluator
    door: ModelDoor
    template: ChatRequest
    teacher: ChatRequest
    check: Callable[[], None]
    threads: int
    seed: int
    settings: Mapping[str, Any]
    lessons: tuple[Example, ...] = ()
    part: Part = "dev"
    baseline: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()

    @property
    def breeds(self) -> bool:
        return self.part != "dev"


OnTrial = Callable[[TrialEvent], None]


@dataclass(frozen=True)
class Diagnosis:
    """What an analyst says that failures which read alike have in common."""

    cluster: str
    example_ids: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class SearchReport:
    """What a finished search has to say beside its trials: instructions that were written by the
    teacher, why some of them were dropped before any was scored, and what failures have in common.
    `overfit` says why a search ended before it had tried all.
    """

    proposed: int = 0
    dropped: tuple[str, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    overfit: str = ""


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
    """Numbers the trials and remembers the best one, by (rows scored, score); the first wins.

    `part` is what whole evaluations are made on. A minibatch of train rows never counts as one.
    """

    def __init__(self, full: int, part: Part = "dev") -> None:
        self._full = full
        self._part: Part = part
        self._trials: list[TrialEvent] = []
        self.best: TrialEvent | None = None

    @property
    def trials(self) -> tuple[TrialEvent, ...]:
        return tuple(self._trials)

    def add(
        self,
        artifact: PromptArtifact,
        scores: Mapping[str, float],
        provenance: Mapping[str, Any],
        *,
        is_minibatch: bool = False,
        warning: str = "",
    ) -> TrialEvent:
        """`scores` are by example id; `is_minibatch` says that they are of train rows."""
        is_full = not is_minibatch and len(scores) >= self._full
        trial = TrialEvent(
            number=len(self._trials) + 1,
            artifact=artifact,
            n_examples=len(scores),
            score=sum(scores.values()) / len(scores),
            is_full=is_full,
            is_best=False,
            part="train" if is_minibatch else self._part,
            rows=dict(scores) if is_full else {},
            warning=warning,
            provenance=provenance,
        )
        if self.best is None or _rank(trial) > _rank(self.best):
            self.best = trial = replace(trial, is_best=True)
        self._trials.append(trial)
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


def best_in_full(trials: Iterable[TrialEvent], count: int) -> tuple[TrialEvent, ...]:
    """Return the best `count` different candidates among the full trials, the best one first."""
    by_hash: dict[str, TrialEvent] = {}
    for trial in trials:
        if trial.is_full:
            by_hash.setdefault(trial.artifact.hash, trial)
    ranked = sorted(by_hash.values(), key=lambda trial: (-trial.score, trial.number))
    return tuple(ranked[:count])


def _rank(trial: TrialEvent) -> tuple[bool, int, float]:
    return trial.is_full, trial.n_examples, trial.score


def _pooled(trials: Sequence[TrialEvent]) -> float:
    rows = sum(trial.n_examples for trial in trials)
    return sum(trial.score * trial.n_examples for trial in trials) / rows
