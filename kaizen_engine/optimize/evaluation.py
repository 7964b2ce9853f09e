"""One version scored row by row, and beside it the one that it is to replace; nothing is searched.

The proof is the same as a search's: what is found here may carry a version to production.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean
from typing import Protocol

from kaizen_engine.errors import JobAbort, TooFewExamples
from kaizen_engine.evaluate.evaluator import Evaluator
from kaizen_engine.evaluate.runner import Example, RowScore, evaluate_rows
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.evaluation_plan import rows_to_score, samples_for
from kaizen_engine.optimize.guarded import Guard, segments_of
from kaizen_engine.optimize.outcome import (
    EvaluationEvent,
    GuardReport,
    JobOutcome,
    JobSpec,
    Score,
)
from kaizen_engine.optimize.proof import Evidence
from kaizen_engine.optimize.settings import BootstrapSettings
from kaizen_engine.optimize.splits import Splits
from kaizen_engine.optimize.versions import versions_of
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split, StopReason, Verdict

ROWS_AT_ONCE = 200
_PROVING = (Split.TRAIN, Split.DEV, Split.TEST)
_LIBRARIES = ("scipy", "numpy")


class EvaluationEvents(Protocol):
    """Hears of everything as it happens, on the thread that runs the evaluation."""

    def phase(self, name: str) -> None:
        """Begin score or prove."""
        ...

    def rows(self, event: EvaluationEvent, *, done: int, total: int) -> None:
        """Some more rows are scored; `done` of `total` in all."""
        ...


@dataclass(frozen=True)
class EvaluationOutcome:
    """`job` is what a search would have told of these rows. `rows` are those asked for, a side.

    Labels are baseline_<split> and winner_<split>; a version on its own is the baseline.
    """

    job: JobOutcome
    rows: Mapping[str, int]

    @property
    def is_complete(self) -> bool:
        return self.job.stop_reason is StopReason.FINISHED


def run_evaluation(
    spec: JobSpec, candidate: PromptArtifact | None, gateway: Gateway, events: EvaluationEvents
) -> EvaluationOutcome:
    """Score `candidate` and the spec's artifact, or the latter alone, on the spec's examples.

    A stop is part of the outcome, with the rows that were scored until then and no verdict. Raises
    TooFewExamples, InvalidEvaluator, PriceUnknown, and what `events` raises.
    """
    evaluator = evaluator_from_spec(spec.evaluator, door=gateway)
    rows = rows_to_score(spec.artifact, spec.examples, evaluator)
    if not rows:
        message = "there is no row to score: a row needs every input and an expected output"
        raise TooFewExamples(message)
    return _Evaluation(spec, candidate, gateway, events, evaluator, _splits(rows)).run()


def _splits(rows: Sequence[Example]) -> dict[Split, tuple[Example, ...]]:
    found = {split: tuple(row for row in rows if row.split == split) for split in Split}
    return {split: chosen for split, chosen in found.items() if chosen}


@dataclass
class _Evaluation:
    """Used once, by one thread."""

    spec: JobSpec
    candidate: PromptArtifact | None
    gateway: Gateway
    events: EvaluationEvents
    evaluator: Evaluator
    splits: Mapping[Split, tuple[Example, ...]]
    scored: dict[str, EvaluationEvent] = field(default_factory=dict)
    guards: GuardReport = field(default_factory=GuardReport)
    done: int = 0
    abort: JobAbort | None = None

    def run(self) -> EvaluationOutcome:
        try:
            self.events.phase("score")
            for split, rows in self.splits.items():
                for side, artifact in self._sides():
                    self._score(f"{side}_{split.value}", artifact, rows)
            self.events.phase("prove")
            self._guard()
        except JobAbort as abort:
            self.abort = abort
            self.gateway.meter.stop(abort.reason, abort.detail)
        counts = {split.value: len(rows) for split, rows in self.splits.items()}
        return EvaluationOutcome(self._outcome(), counts)

    def _sides(self) -> list[tuple[str, PromptArtifact]]:
        """The new one first: what it is compared with is in the cache as a rule."""
        baseline = ("baseline", self.spec.artifact)
        return [("winner", self.candidate), baseline] if self.candidate else [baseline]

    def _score(self, label: str, artifact: PromptArtifact, rows: Sequence[Example]) -> None:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            self._score_some(label, artifact, rows[start : start + ROWS_AT_ONCE])

    def _score_some(self, label: str, artifact: PromptArtifact, rows: Sequence[Example]) -> None:
        """Keep and tell whatever was scored, however far it came."""
        before = [self._answer(artifact, rows) for _ in range(samples_for(artifact) - 1)]
        last: list[RowScore] = []
        try:
            self._answer(artifact, rows, last.append)
        finally:
            found = tuple(_means([*before, last], [row.id for row in rows]))
            event = EvaluationEvent(label, artifact.hash, found)
            known = self.scored.get(label, EvaluationEvent(label, artifact.hash, ()))
            self.scored[label] = replace(event, rows=known.rows + found)
            self.done += len(found)
            self.events.rows(event, done=self.done, total=self._total)

    def _answer(
        self,
        artifact: PromptArtifact,
        rows: Sequence[Example],
        on_row: Callable[[RowScore], None] | None = None,
    ) -> list[RowScore]:
        complete = partial(self.gateway.complete, role=STUDENT)
        spec = self.spec
        return evaluate_rows(
            artifact, rows, complete, self.evaluator, spec.threads, spec.model, on_row
        )

    def _guard(self) -> None:
        """Ask both versions what may not be lost: protected examples and the red team's rows."""
        if self.candidate is None:
            return
        good_score = BootstrapSettings.of(self.spec.settings).good_score
        guard = Guard(
            self.spec, self.candidate, self.gateway, self.evaluator, good_score, self._on_guard
        )
        segments = segments_of(self.spec.examples, self.scored, self.spec.seed)
        self.guards = replace(guard.run(), segments=segments)

    def _on_guard(self, event: EvaluationEvent) -> None:
        self.events.rows(event, done=self.done, total=self._total)

    @property
    def _total(self) -> int:
        return len(self._sides()) * sum(map(len, self.splits.values()))

    def _outcome(self) -> JobOutcome:
        spec, is_pair = self.spec, self.candidate is not None
        found = Evidence(
            spec,
            Splits(*(self.splits.get(split, ()) for split in _PROVING)),
            self.scored,
            has_winner=is_pair and self.abort is None,
            is_stopped=self.abort is not None,
        ).prove()
        return JobOutcome(
            stop_reason=self.abort.reason if self.abort else StopReason.FINISHED,
            stop_detail=self.abort.detail if self.abort else "",
            verdict=found.verdict if is_pair else Verdict.NONE,
            baseline_hash=spec.artifact.hash,
            winner=self.candidate,
            dev_before=self._mean("baseline_dev"),
            dev_after=self._mean("winner_dev"),
            test_before=found.test_before,
            test_after=found.test_after,
            comparison=found.comparison,
            rows_needed=found.rows_needed,
            look=spec.look,
            reported=found.reported,
            fixed_ids=found.fixed_ids,
            broken_ids=found.broken_ids,
            trials=(),
            evaluations=tuple(self.scored.values()),
            dspy_state={},
            spent=self.gateway.meter.spent,
            seeds={"statistics": spec.seed},
            versions=versions_of(*_LIBRARIES),
            guards=self.guards,
        )

    def _mean(self, label: str) -> Score | None:
        event = self.scored.get(label)
        return event.score if event else None


def _means(samples: Sequence[Sequence[RowScore]], order: Sequence[str]) -> list[RowScore]:
    """Return one row for each that all samples have, in the order of the examples."""
    by_id = [{row.example_id: row for row in rows} for rows in samples]
    return [
        _mean([rows[row_id] for rows in by_id])
        for row_id in order
        if all(row_id in rows for rows in by_id)
    ]


def _mean(samples: Sequence[RowScore]) -> RowScore:
    """Return the mean of the scores; text and reasons are those of the first sample."""
    first = samples[0]
    parts = {name: fmean(row.parts.get(name, 0.0) for row in samples) for name in first.parts}
    return replace(first, score=fmean(row.score for row in samples), parts=parts)
