"""What a job has scored so far: the candidates of its search, and prompts row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from kaizen_engine.evaluate.evaluator import Evaluator
from kaizen_engine.evaluate.runner import Example, RowScore, evaluate_rows
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.outcome import EvaluationEvent, JobEvents, JobSpec, Score
from kaizen_engine.optimize.splits import Splits
from kaizen_engine.optimize.strategy import BREEDERS, TrialEvent
from kaizen_engine.prompts.artifact import PromptArtifact


@dataclass
class Scored:
    """Scores for one job on one thread, and tells `events` of everything before it is kept.

    `trials` are the candidates in their order, `evaluations` the prompts by label.
    """

    spec: JobSpec
    gateway: Gateway
    events: JobEvents
    splits: Splits
    evaluator: Evaluator
    trials: list[TrialEvent] = field(default_factory=list)
    evaluations: dict[str, EvaluationEvent] = field(default_factory=dict)

    @property
    def breeds(self) -> bool:
        return self.spec.strategy in BREEDERS

    @property
    def baseline(self) -> dict[str, float]:
        """Return what the prompt of today scored on dev, by example id."""
        return self.evaluations["baseline_dev"].scores

    def score(self, label: str) -> Score | None:
        event = self.evaluations.get(label)
        return event.score if event else None

    def add_trial(self, trial: TrialEvent) -> None:
        # What cannot be told is no part of the outcome either.
        self.events.trial(trial)
        self.trials.append(trial)

    def add_evaluation(self, event: EvaluationEvent) -> None:
        self.events.evaluation(event)
        self.evaluations[event.label] = event

    def evaluate(
        self, label: str, artifact: PromptArtifact, examples: Sequence[Example]
    ) -> EvaluationEvent:
        """Score a prompt under a label. Raises JobAbort, and what `events` raises."""
        event = EvaluationEvent(label, artifact.hash, tuple(self.rows(artifact, examples)))
        self.add_evaluation(event)
        return event

    def rows(
        self, artifact: PromptArtifact, examples: Sequence[Example], model: str = ""
    ) -> list[RowScore]:
        """Score a prompt and tell nobody; the job's own model answers unless one is named."""
        return evaluate_rows(
            artifact,
            examples,
            partial(self.gateway.complete, role=STUDENT),
            self.evaluator,
            self.spec.threads,
            model or self.spec.model,
        )
