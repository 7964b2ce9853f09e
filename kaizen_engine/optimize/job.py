"""One optimization from examples to a proven prompt: baseline, search, proof.

Knows no database, queue or optimizer: strategies come from the register, models through the
gateway, and everything that happens goes to the events.
"""

from dataclasses import dataclass, field, replace

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.evaluator import Needs
from kaizen_engine.evaluate.runner import build_request
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.choosing import (
    choose_winner,
    score_finalists,
    winner_as_searched,
)
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
from kaizen_engine.optimize.scored import Scored
from kaizen_engine.optimize.settings import BootstrapSettings
from kaizen_engine.optimize.splits import split_examples
from kaizen_engine.optimize.strategy import (
    BREEDERS,
    SearchReport,
    SearchRequest,
    TrialEvent,
    load_strategy,
    packages_for,
)
from kaizen_engine.optimize.students import ask_students
from kaizen_engine.optimize.versions import versions_of
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
    return _Run(Scored(spec, gateway, events, divided, evaluator)).run()


@dataclass
class _Run:
    """One job on its way; used once, by one thread."""

    scored: Scored
    winner: TrialEvent | None = None
    abort: JobAbort | None = None
    report: SearchReport = field(default_factory=SearchReport)
    students: list[StudentScore] = field(default_factory=list)
    guards: GuardReport = field(default_factory=GuardReport)

    def __post_init__(self) -> None:
        self.spec, self.splits = self.scored.spec, self.scored.splits
        self.meter = self.scored.gateway.meter
        self.strategy = load_strategy(self.spec.strategy)

    def run(self) -> JobOutcome:
        if self.splits.test:
            load_statistics()
        try:
            self._phase("baseline")
            self.scored.evaluate("baseline_dev", self.spec.artifact, self.splits.dev)
            self._phase("search")
            self.report = self.strategy(self._search_request(), self.scored.add_trial)
            self._phase("prove")
            score_finalists(self.scored)
            self.winner = choose_winner(self.scored)
            self._prove()
            self._guard()
            # One by one: a stop keeps those that have answered.
            for answered in ask_students(self.scored):
                self.students.append(answered)
        except JobAbort as abort:
            self._stop(abort)
        return self._outcome()

    def _phase(self, name: str) -> None:
        self.meter.check()
        self.scored.events.phase(name)

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
            metric=self.scored.evaluator,
            door=self.scored.gateway,
            template=template,
            teacher=_teacher_template(template, spec.teacher),
            check=self.meter.check,
            threads=spec.threads,
            seed=spec.seed,
            settings=spec.settings,
            lessons=self.splits.lessons,
            part="search" if self.scored.breeds else "dev",
            baseline=self.scored.baseline,
            notes=tuple(spec.notes),
            locked=tuple(spec.locked),
        )

    def _prove(self) -> None:
        """Score baseline and winner on the hold-out, which no other step has seen."""
        if self.winner is None or not self.splits.test:
            return
        self.scored.evaluate("baseline_test", self.spec.artifact, self.splits.test)
        self.scored.evaluate("winner_test", self.winner.artifact, self.splits.test)

    def _guard(self) -> None:
        """Ask both prompts what may not be lost: protected examples and the red team's rows."""
        if self.winner is None:
            return
        scored = self.scored
        found = Guard(
            self.spec,
            self.winner.artifact,
            scored.gateway,
            scored.evaluator,
            BootstrapSettings.of(self.spec.settings).good_score,
            scored.add_evaluation,
        ).run()
        segments = segments_of(self.spec.examples, scored.evaluations, self.spec.seed)
        self.guards = replace(found, segments=segments)

    def _stop(self, abort: JobAbort) -> None:
        """End all spending, then keep the best candidate that was scored on every dev row."""
        self.abort = abort
        self.meter.stop(abort.reason, abort.detail)
        if self.winner is not None or "baseline_dev" not in self.scored.evaluations:
            return
        try:
            self.winner = choose_winner(self.scored)
        except JobAbort:
            # Not every answer is in the journal: the search's own figure has to do.
            self.winner = winner_as_searched(self.scored)

    def _outcome(self) -> JobOutcome:
        scored = self.scored
        found = Evidence(
            self.spec,
            self.splits,
            scored.evaluations,
            has_winner=self.winner is not None,
            is_stopped=self.abort is not None,
            trials=scored.trials,
        ).prove()
        ended_by = self.abort or self._early_end()
        return JobOutcome(
            stop_reason=ended_by.reason if ended_by else StopReason.FINISHED,
            stop_detail=ended_by.detail if ended_by else "",
            verdict=found.verdict,
            baseline_hash=self.spec.artifact.hash,
            winner=self.winner.artifact if self.winner else None,
            dev_before=scored.score("baseline_dev"),
            dev_after=scored.score("winner_dev") or _trial_score(self.winner),
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
            trials=tuple(scored.trials),
            evaluations=tuple(scored.evaluations.values()),
            dspy_state=self.winner.provenance if self.winner else {},
            spent=self.meter.spent,
            seeds={"search": self.spec.seed, "statistics": self.spec.seed},
            versions=versions_of(*_LIBRARIES, *packages_for(self.spec.strategy)),
            search=self.report,
            students=tuple(self.students),
            guards=self.guards,
        )

    def _early_end(self) -> JobAbort | None:
        overfit = self.report.overfit
        return JobAbort(StopReason.OVERFIT, overfit) if overfit else None


def _teacher_template(student: ChatRequest, model: str) -> ChatRequest:
    """Return the teacher's request; another vendor need not know the student's parameters."""
    if not model or model == student.model:
        return student
    return replace(student, model=model, params={})


def _trial_score(trial: TrialEvent | None) -> Score | None:
    return Score(trial.score, trial.n_examples) if trial else None
