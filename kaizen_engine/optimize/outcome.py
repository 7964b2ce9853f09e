"""What goes into a job, what it tells while it runs, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kaizen_engine.evaluate.comparison import Comparison
from kaizen_engine.evaluate.runner import Example, RowScore
from kaizen_engine.llm.meter import Spent
from kaizen_engine.optimize.strategy import SearchReport, TrialEvent
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason, Verdict


@dataclass(frozen=True)
class JobSpec:
    """One optimization. `model` is "<connection>/<model>"; `examples` carry their splits.

    `teacher` answers train rows for demonstrations and writes instructions; empty, it is the
    student. `reasoning` is what the new prompt is to have, None for what the old one has. `look`
    counts the looks at these hold-out rows, from 1; `settings` are the strategy's own.
    The same spec and journal give the same outcome, so `examples` need a stable order.
    """

    artifact: PromptArtifact
    examples: Sequence[Example]
    model: str
    metric: str = "exact_match"
    strategy: str = "bootstrap"
    teacher: str = ""
    reasoning: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 4
    seed: int = 0
    look: int = 1
    minimum_effect: float = 0.02


@dataclass(frozen=True)
class Score:
    """The mean of `n` scores, from 0 to 1."""

    mean: float
    n: int

    @classmethod
    def of(cls, scores: Sequence[float]) -> "Score | None":
        return cls(sum(scores) / len(scores), len(scores)) if scores else None


@dataclass(frozen=True)
class EvaluationEvent:
    """One prompt scored on one split, a row an example.

    `label` is baseline_dev, winner_dev, baseline_test or winner_test.
    """

    label: str
    artifact_hash: str
    rows: tuple[RowScore, ...]

    @property
    def score(self) -> Score | None:
        return Score.of([row.score for row in self.rows])


class JobEvents(Protocol):
    """Hears of everything as it happens, on the thread that runs the job."""

    def phase(self, name: str) -> None:
        """Begin prepare, baseline, search or prove."""
        ...

    def trial(self, event: TrialEvent) -> None: ...

    def evaluation(self, event: EvaluationEvent) -> None: ...


class NoEvents:
    """For whoever wants the outcome alone."""

    def phase(self, name: str) -> None: ...

    def trial(self, event: TrialEvent) -> None: ...

    def evaluation(self, event: EvaluationEvent) -> None: ...


@dataclass(frozen=True)
class ReportedCases:
    """Rows of dev and hold-out that somebody reported: they inform and never decide."""

    n: int = 0
    fixed: int = 0
    broken: int = 0


@dataclass(frozen=True)
class JobOutcome:
    """All that a version, a job page and an audit need.

    `winner` is None where no candidate beat the baseline on dev. Dev scores are over all dev
    rows; hold-out scores and `comparison` over its deciding rows alone. `fixed_ids` and
    `broken_ids` are of dev, since nobody is to be shown the hold-out.
    """

    stop_reason: StopReason
    stop_detail: str
    verdict: Verdict
    baseline_hash: str
    winner: PromptArtifact | None
    dev_before: Score | None
    dev_after: Score | None
    test_before: Score | None
    test_after: Score | None
    comparison: Comparison | None
    rows_needed: tuple[int, int] | None
    look: int
    reported: ReportedCases
    fixed_ids: tuple[str, ...]
    broken_ids: tuple[str, ...]
    trials: tuple[TrialEvent, ...]
    evaluations: tuple[EvaluationEvent, ...]
    dspy_state: Mapping[str, Any]
    spent: Spent
    seeds: Mapping[str, int]
    versions: Mapping[str, str]
    search: SearchReport = field(default_factory=SearchReport)
