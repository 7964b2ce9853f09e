"""What goes into a job, what it tells while it runs, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kaizen_engine.evaluate.comparison import Comparison, DevGain
from kaizen_engine.evaluate.red_team import RedTeamFinding
from kaizen_engine.evaluate.runner import Example, RowScore
from kaizen_engine.evaluate.segments import Segment
from kaizen_engine.evaluate.spec import Spec
from kaizen_engine.llm.meter import Spent
from kaizen_engine.optimize.strategy import SearchReport, TrialEvent
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason, Verdict


@dataclass(frozen=True)
class JobSpec:
    """One optimization. `model` is "<connection>/<model>"; `examples` carry their splits.

    `teacher` answers train rows for demonstrations and writes instructions; empty, it is the
    student. `reasoning` is what the new prompt is to have, None for what the old one has. `look`
    counts the looks at these hold-out rows, from 1; `settings` are the strategy's own. `notes` are
    what people said of the task as a whole, `locked` the texts of the prompt that have to stay;
    the finalists answer dev for more `students` than the one that is searched for.
    `judge_may_confirm`: no judge scores, or it has earned a passport.
    The same spec and journal give the same outcome, so `examples` need a stable order.
    """

    artifact: PromptArtifact
    examples: Sequence[Example]
    model: str
    evaluator: Spec = "exact_match"
    strategy: str = "bootstrap"
    teacher: str = ""
    reasoning: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 4
    seed: int = 0
    look: int = 1
    students: Sequence[str] = ()
    notes: Sequence[str] = ()
    locked: Sequence[str] = ()
    minimum_effect: float = 0.02
    judge_may_confirm: bool = True
    protected: Sequence[Example] = ()
    red_team: Sequence[Example] = ()


@dataclass(frozen=True)
class GuardReport:
    """What became of rows that may not be lost; ids of examples, None or empty where none was
    asked. `broken` are protected examples that the winner gets wrong."""

    protected: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    red_team_ids: tuple[str, ...] = ()
    red_team: RedTeamFinding | None = None
    segments: tuple[Segment, ...] = ()


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

    `label` is baseline_dev, winner_dev, baseline_test or winner_test, and the same for protected
    examples and each sample of red-team rows.
    """

    label: str
    artifact_hash: str
    rows: tuple[RowScore, ...]

    @property
    def score(self) -> Score | None:
        return Score.of([row.score for row in self.rows])

    @property
    def scores(self) -> dict[str, float]:
        """Return each row's score by the example's id."""
        return {row.example_id: row.score for row in self.rows}


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
    """Rows that chose the winner or held out, and that somebody reported: they inform.

    `p` is one-sided, of as many more fixed than broken by chance; it knows nothing of the choosing
    nor of how bad answers become good by themselves.
    """

    n: int = 0
    fixed: int = 0
    broken: int = 0
    p: float | None = None


@dataclass(frozen=True)
class StudentScore:
    """What one model made of one prompt on dev; `messages` are the hashes of what it was sent."""

    model: str
    prompt: str
    artifact_hash: str
    score: Score
    messages: frozenset[str] = frozenset()


@dataclass(frozen=True)
class JobOutcome:
    """All that a version, a job page and an audit need.

    `winner` is None where no candidate beat the baseline on dev. Dev scores are over all dev
    rows; hold-out scores and `comparison` over its deciding rows alone. `dev_gain` is the winner's
    on dev, corrected for having been chosen there, over the rows `dev_looked_ids`, and the
    `dev_look`-th verdict drawn from them. `fixed_ids` and
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
    students: tuple[StudentScore, ...] = ()
    guards: GuardReport = field(default_factory=GuardReport)
    dev_gain: DevGain | None = None
    dev_look: int = 1
    dev_looked_ids: tuple[str, ...] = ()
