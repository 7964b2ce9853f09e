"""One optimization from examples to a proven prompt: baseline, search, proof.

Knows no database, queue or optimizer: strategies come from the register, models through the
gateway, and everything that happens goes to the events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.evaluator import Evaluator, Needs
from kaizen_engine.evaluate.runner import Example, RowScore, build_request, evaluate_rows
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.guarded import Guard, segments_of
from kaizen_engine.optimize.outcome import (
    EvaluationEvent,
    GuardReport,
    JobEvents,
    JobOutcome,
    JobSpec,
    NoEvents,
    ReportedCases,
    Score,
    StudentScore,
)
from kaizen_engine.optimize.proof import Evidence, load_statistics
from kaizen_engine.optimize.splits import Splits, split_examples
from kaizen_engine.optimize.strategy import (
    BREEDERS,
    FINALISTS,
    SearchReport,
    SearchRequest,
    TrialEvent,
    best_in_full,
    load_strategy,
    packages_for,
)
from kaizen_engine.optimize.versions import versions_of
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason

__all__ = [
    "EvaluationEvent",
    "JobEvents",
    "JobOutcome",
    "JobSpec",
    "NoEvents",
    "ReportedCases",
    "Score",
    "TrialEvent",
    "run_job",
]

GOOD_SCORE = 0.8
_TIE = 1e-9
_LIBRARIES = ("dspy", "scipy", "numpy")


def run_job(spec: JobSpec, gateway: Gateway, events: JobEvents) -> JobOutcome:
    """Run the job to its end or to whatever stops it; a stop is part of the outcome.

    Once stopped, no model is called any more: the best candidate so far is scored from the
    journal alone. Raises TooFewExamples, LookupError for an unknown strategy, InvalidEvaluator,
    PriceUnknown, and what `events` raises.
    """
    events.phase("prepare")
    evaluator = evaluator_from_spec(spec.evaluator, door=gateway)
    is_judged = evaluator.needs is not Needs.EXPECTED
    splits = split_examples(spec.artifact, spec.examples, is_judged=is_judged)
    divided = splits.divided(breeds=spec.strategy in BREEDERS)
    return _Run(spec, gateway, events, divided, evaluator).run()


@dataclass
class _Run:
    """The state of one job on its way; used once, by one thread."""

    spec: JobSpec
    gateway: Gateway
    events: JobEvents
    splits: Splits
    evaluator: Evaluator
    trials: list[TrialEvent] = field(default_factory=list)
    evaluations: dict[str, EvaluationEvent] = field(default_factory=dict)
    winner: TrialEvent | None = None
    abort: JobAbort | None = None
    report: SearchReport = field(default_factory=SearchReport)
    students: list[StudentScore] = field(default_factory=list)
    guards: GuardReport = field(default_factory=GuardReport)

    def __post_init__(self) -> None:
        self.strategy = load_strategy(self.spec.strategy)

    def run(self) -> JobOutcome:
        if self.splits.test:
            load_statistics()
        try:
            self._phase("baseline")
            self._evaluate("baseline_dev", self.spec.artifact, self.splits.dev)
            self._phase("search")
            self.report = self.strategy(self._search_request(), self._on_trial)
            self._phase("prove")
            self._select()
            self._score_winner()
            self._prove()
            self._guard()
            self._ask_students()
        except JobAbort as abort:
            self._stop(abort)
        return self._outcome()

    def _phase(self, name: str) -> None:
        self.gateway.meter.check()
        self.events.phase(name)

    def _search_request(self) -> SearchRequest:
        spec = self.spec
        start = spec.artifact
        if spec.reasoning is not None:
            start = start.with_(reasoning=spec.reasoning)
        template = replace(build_request(start, self.splits.dev[0].inputs, spec.model), messages=())
        return SearchRequest(
            artifact=start,
            train=self.splits.train,
            dev=self.splits.search,
            metric=self.evaluator,
            door=self.gateway,
            template=template,
            teacher=_teacher_template(template, spec.teacher),
            check=self.gateway.meter.check,
            threads=spec.threads,
            seed=spec.seed,
            settings=spec.settings,
            lessons=self.splits.lessons,
            part="search" if self._breeds else "dev",
            baseline=self._baseline_rows(),
            notes=tuple(spec.notes),
            locked=tuple(spec.locked),
        )

    @property
    def _breeds(self) -> bool:
        return self.spec.strategy in BREEDERS

    def _baseline_rows(self) -> dict[str, float]:
        return {row.example_id: row.score for row in self.evaluations["baseline_dev"].rows}

    def _on_trial(self, trial: TrialEvent) -> None:
        # What cannot be told is no part of the outcome either.
        self.events.trial(trial)
        self.trials.append(trial)

    def _evaluate(
        self, label: str, artifact: PromptArtifact, examples: Sequence[Example]
    ) -> EvaluationEvent:
        event = EvaluationEvent(label, artifact.hash, tuple(self._evaluated(artifact, examples)))
        self._on_evaluation(event)
        return event

    def _on_evaluation(self, event: EvaluationEvent) -> None:
        self.events.evaluation(event)
        self.evaluations[event.label] = event

    def _evaluated(
        self, artifact: PromptArtifact, examples: Sequence[Example], model: str = ""
    ) -> list[RowScore]:
        return evaluate_rows(
            artifact,
            examples,
            partial(self.gateway.complete, role=STUDENT),
            self.evaluator,
            self.spec.threads,
            model or self.spec.model,
        )

    def _select(self) -> None:
        """Score what a breeding search found best on rows that it has not seen; these decide."""
        if not self._breeds:
            return
        for candidate in best_in_full(self.trials, FINALISTS):
            scored = self._evaluated(candidate.artifact, self.splits.select)
            rows = {row.example_id: row.score for row in scored}
            score = sum(rows.values()) / len(rows)
            others = [trial.score for trial in self.trials if trial.part == "select"]
            self._on_trial(
                replace(
                    candidate,
                    number=len(self.trials) + 1,
                    part="select",
                    n_examples=len(rows),
                    score=score,
                    rows=rows,
                    is_best=score > max(others, default=-1.0),
                )
            )

    def _score_winner(self) -> None:
        """Score the best candidate as the plain prompt it exports; keep it if that is better."""
        best = self._best_trial()
        if best is None or best.artifact.hash == self.spec.artifact.hash:
            return
        after = self._evaluate("winner_dev", best.artifact, self.splits.dev)
        if self._beats_baseline({row.example_id: row.score for row in after.rows}):
            self.winner = best

    def _best_trial(self) -> TrialEvent | None:
        """Return the best candidate where it counts: selected, or else searched, in full."""
        full = [trial for trial in self.trials if trial.is_full]
        decisive = [trial for trial in full if trial.part == "select"] or full
        return next(iter(best_in_full(decisive, 1)), None)

    def _beats_baseline(self, rows: Mapping[str, float]) -> bool:
        """Compare on the rows that decide, where the candidate was scored on them."""
        selecting = {example.id for example in self.splits.select}
        before = self._baseline_rows()
        ids = rows.keys() & before.keys()
        ids = (ids & selecting) or ids
        return sum(rows[key] for key in ids) > sum(before[key] for key in ids) + _TIE

    def _prove(self) -> None:
        """Score baseline and winner on the hold-out, which no other step has seen."""
        if self.winner is None or not self.splits.test:
            return
        self._evaluate("baseline_test", self.spec.artifact, self.splits.test)
        self._evaluate("winner_test", self.winner.artifact, self.splits.test)

    def _guard(self) -> None:
        """Ask both prompts what may not be lost: protected examples and the red team's rows."""
        if self.winner is None:
            return
        good = float(self.spec.settings.get("good_score", GOOD_SCORE))
        found = Guard(
            self.spec,
            self.winner.artifact,
            self.gateway,
            self.evaluator,
            good,
            self._on_evaluation,
        ).run()
        segments = segments_of(self.spec.examples, self.evaluations, self.spec.seed)
        self.guards = replace(found, segments=segments)

    def _ask_students(self) -> None:
        """Let every model of the job answer dev with the old prompt and with the best new ones."""
        if self.spec.students:
            decisive = [trial for trial in self.trials if trial.is_full and trial.part != "search"]
            best = best_in_full(decisive, FINALISTS)
            prompts = [("baseline", self.spec.artifact)]
            prompts += [
                (f"finalist {place}", trial.artifact)
                for place, trial in enumerate(best, 1)
                if trial.artifact.hash != self.spec.artifact.hash
            ]
            for model in (self.spec.model, *self.spec.students):
                for name, artifact in prompts:
                    self._ask_student(model, name, artifact)

    def _ask_student(self, model: str, prompt: str, artifact: PromptArtifact) -> None:
        rows = self._evaluated(artifact, self.splits.dev, model)
        score = Score.of([row.score for row in rows])
        if score is not None:
            sent = frozenset(row.messages_hash for row in rows)
            self.students.append(StudentScore(model, prompt, artifact.hash, score, sent))

    def _stop(self, abort: JobAbort) -> None:
        """End all spending, then keep the best candidate that was scored on every dev row."""
        self.abort = abort
        self.gateway.meter.stop(abort.reason, abort.detail)
        if self.winner is not None or "baseline_dev" not in self.evaluations:
            return
        try:
            self._score_winner()
        except JobAbort:
            # Not every answer is in the journal: the search's own figure has to do.
            best = self._best_trial()
            if best is not None and self._beats_baseline(best.rows):
                self.winner = best

    def _outcome(self) -> JobOutcome:
        found = Evidence(
            self.spec,
            self.splits,
            self.evaluations,
            has_winner=self.winner is not None,
            is_stopped=self.abort is not None,
            trials=self.trials,
        ).prove()
        ended_by = self.abort or self._early_end()
        return JobOutcome(
            stop_reason=ended_by.reason if ended_by else StopReason.FINISHED,
            stop_detail=ended_by.detail if ended_by else "",
            verdict=found.verdict,
            baseline_hash=self.spec.artifact.hash,
            winner=self.winner.artifact if self.winner else None,
            dev_before=self._score("baseline_dev"),
            dev_after=self._score("winner_dev") or _trial_score(self.winner),
            test_before=found.test_before,
            test_after=found.test_after,
            comparison=found.comparison,
            rows_needed=found.rows_needed,
            look=self.spec.look,
            dev_gain=found.dev_gain,
            dev_look=found.dev_look.k,
            dev_looked_ids=found.dev_look.ids if found.dev_gain else (),
            reported=found.reported,
            fixed_ids=found.fixed_ids,
            broken_ids=found.broken_ids,
            trials=tuple(self.trials),
            evaluations=tuple(self.evaluations.values()),
            dspy_state=self.winner.provenance if self.winner else {},
            spent=self.gateway.meter.spent,
            seeds={"search": self.spec.seed, "statistics": self.spec.seed},
            versions=versions_of(*_LIBRARIES, *packages_for(self.spec.strategy)),
            search=self.report,
            students=tuple(self.students),
            guards=self.guards,
        )

    def _early_end(self) -> JobAbort | None:
        overfit = self.report.overfit
        return JobAbort(StopReason.OVERFIT, overfit) if overfit else None

    def _score(self, label: str) -> Score | None:
        event = self.evaluations.get(label)
        return event.score if event else None


def _teacher_template(student: ChatRequest, model: str) -> ChatRequest:
    """Return the teacher's request; another vendor need not know the student's parameters."""
    if not model or model == student.model:
        return student
    return replace(student, model=model, params={})


def _trial_score(trial: TrialEvent | None) -> Score | None:
    return Score(trial.score, trial.n_examples) if trial else None
