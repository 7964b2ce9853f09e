"""One optimization from examples to a proven prompt: baseline, search, proof.

Knows no database, queue or optimizer: strategies come from the register, models through the
gateway, and everything that happens goes to the events.
"""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from threading import Thread

from kaizen_engine.errors import JobAbort, TooFewExamples
from kaizen_engine.evaluate.comparison import Comparison
from kaizen_engine.evaluate.metrics import metric_by_name
from kaizen_engine.evaluate.runner import Example, RowScore, build_request, evaluate_rows
from kaizen_engine.evaluate.verdict import decide, rows_needed
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.outcome import (
    EvaluationEvent,
    JobEvents,
    JobOutcome,
    JobSpec,
    NoEvents,
    ReportedCases,
    Score,
)
from kaizen_engine.optimize.strategy import (
    SearchReport,
    SearchRequest,
    TrialEvent,
    load_strategy,
    packages_for,
)
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split, StopReason, Verdict

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

ROLE = "student"
FEWEST_EXAMPLES = 20
_LIBRARIES = ("dspy", "scipy", "numpy")


def run_job(spec: JobSpec, gateway: Gateway, events: JobEvents) -> JobOutcome:
    """Run the job to its end or to whatever stops it; a stop is part of the outcome.

    Once stopped, no model is called any more: the best candidate so far is scored from the
    journal alone. Raises TooFewExamples, LookupError for an unknown strategy, UnknownMetric,
    PriceUnknown, and what `events` raises.
    """
    events.phase("prepare")
    return _Run(spec, gateway, events, _prepare(spec)).run()


def usable_examples(artifact: PromptArtifact, examples: Iterable[Example]) -> list[Example]:
    """Return the examples with every input and an expected output, other outputs left out."""
    needed = [item.name for item in artifact.inputs]
    names = [item.name for item in artifact.outputs]
    kept = []
    for example in examples:
        outputs = {name: example.outputs.get(name) for name in names}
        expected = {name: value for name, value in outputs.items() if value is not None}
        if expected and all(example.inputs.get(name) is not None for name in needed):
            kept.append(replace(example, outputs=expected))
    return kept


@dataclass(frozen=True)
class _Splits:
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]


def _prepare(spec: JobSpec) -> _Splits:
    usable = usable_examples(spec.artifact, spec.examples)
    splits = _Splits(*(_of(usable, split) for split in (Split.TRAIN, Split.DEV, Split.TEST)))
    found = len(splits.train) + len(splits.dev) + len(splits.test)
    if found < FEWEST_EXAMPLES:
        message = (
            f"an optimization needs {FEWEST_EXAMPLES} usable examples, {found} were found; "
            "usable are those with every input and an expected output"
        )
        raise TooFewExamples(message)
    if not splits.train or not splits.dev:
        message = "an optimization needs examples to learn from (train) and to choose by (dev)"
        raise TooFewExamples(message)
    return splits


def _of(examples: Iterable[Example], split: Split) -> tuple[Example, ...]:
    return tuple(example for example in examples if example.split == split)


@dataclass
class _Run:
    """The state of one job on its way; used once, by one thread."""

    spec: JobSpec
    gateway: Gateway
    events: JobEvents
    splits: _Splits
    trials: list[TrialEvent] = field(default_factory=list)
    evaluations: dict[str, EvaluationEvent] = field(default_factory=dict)
    winner: TrialEvent | None = None
    abort: JobAbort | None = None
    report: SearchReport = field(default_factory=SearchReport)

    def __post_init__(self) -> None:
        self.metric = metric_by_name(self.spec.metric)
        self.strategy = load_strategy(self.spec.strategy)

    def run(self) -> JobOutcome:
        if self.splits.test:
            _load_statistics()
        try:
            self._phase("baseline")
            self._evaluate("baseline_dev", self.spec.artifact, self.splits.dev)
            self._phase("search")
            self.report = self.strategy(self._search_request(), self._on_trial)
            self._phase("prove")
            self._score_winner()
            self._prove()
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
            dev=self.splits.dev,
            metric=self.metric,
            door=self.gateway,
            template=template,
            teacher=_teacher_template(template, spec.teacher),
            check=self.gateway.meter.check,
            threads=spec.threads,
            seed=spec.seed,
            settings=spec.settings,
        )

    def _on_trial(self, trial: TrialEvent) -> None:
        self.trials.append(trial)
        self.events.trial(trial)

    def _evaluate(
        self, label: str, artifact: PromptArtifact, examples: Sequence[Example]
    ) -> EvaluationEvent:
        rows = evaluate_rows(
            artifact,
            examples,
            partial(self.gateway.complete, role=ROLE),
            self.metric,
            self.spec.threads,
            self.spec.model,
        )
        event = EvaluationEvent(label, artifact.hash, tuple(rows))
        self.evaluations[label] = event
        self.events.evaluation(event)
        return event

    def _score_winner(self) -> None:
        """Score the best candidate as the plain prompt it exports; keep it if that is better."""
        best = self._best_trial()
        if best is None or best.artifact.hash == self.spec.artifact.hash:
            return
        after = self._evaluate("winner_dev", best.artifact, self.splits.dev).score
        if _is_better(after, self._score("baseline_dev")):
            self.winner = best

    def _best_trial(self) -> TrialEvent | None:
        full = [trial for trial in self.trials if trial.is_full]
        return max(full, key=lambda trial: (trial.score, -trial.number), default=None)

    def _prove(self) -> None:
        """Score baseline and winner on the hold-out, which no other step has seen."""
        if self.winner is None or not self.splits.test:
            return
        self._evaluate("baseline_test", self.spec.artifact, self.splits.test)
        self._evaluate("winner_test", self.winner.artifact, self.splits.test)

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
            if best is not None and _is_better(_trial_score(best), self._score("baseline_dev")):
                self.winner = best

    def _outcome(self) -> JobOutcome:
        comparison = self._comparison()
        verdict = self._verdict(comparison)
        fixed, broken = _changes(self._pairs("dev"))
        unproven = comparison is not None and verdict is Verdict.NOT_ENOUGH_EVIDENCE
        return JobOutcome(
            stop_reason=self.abort.reason if self.abort else StopReason.FINISHED,
            stop_detail=self.abort.detail if self.abort else "",
            verdict=verdict,
            baseline_hash=self.spec.artifact.hash,
            winner=self.winner.artifact if self.winner else None,
            dev_before=self._score("baseline_dev"),
            dev_after=self._score("winner_dev") or _trial_score(self.winner),
            test_before=self._deciding_score("baseline_test"),
            test_after=self._deciding_score("winner_test"),
            comparison=comparison,
            rows_needed=rows_needed(comparison) if comparison and unproven else None,
            look=self.spec.look,
            reported=self._reported(),
            fixed_ids=fixed,
            broken_ids=broken,
            trials=tuple(self.trials),
            evaluations=tuple(self.evaluations.values()),
            dspy_state=self.winner.provenance if self.winner else {},
            spent=self.gateway.meter.spent,
            seeds={"search": self.spec.seed, "statistics": self.spec.seed},
            versions=_versions(self.spec.strategy),
            search=self.report,
        )

    def _comparison(self) -> Comparison | None:
        # Imported here: scipy takes a second and has no place in a web process.
        from kaizen_engine.evaluate.significance import alpha_for_look, compare

        pairs = [pair for pair in self._pairs("test") if pair.example.deciding]
        if not pairs:
            return None
        return compare(
            [pair.before for pair in pairs],
            [pair.after for pair in pairs],
            [pair.example.group for pair in pairs],
            alpha=alpha_for_look(self.spec.look),
            minimum_effect=self.spec.minimum_effect,
            seed=self.spec.seed,
        )

    def _verdict(self, comparison: Comparison | None) -> Verdict:
        """Return what was proven; without a winner, that there is nothing better, or nothing."""
        if self.winner is None:
            return Verdict.NONE if self.abort else Verdict.EQUAL
        return decide(comparison, sum(example.deciding for example in self.splits.test))

    def _score(self, label: str) -> Score | None:
        event = self.evaluations.get(label)
        return event.score if event else None

    def _deciding_score(self, label: str) -> Score | None:
        event = self.evaluations.get(label)
        deciding = {example.id for example in self.splits.test if example.deciding}
        rows = event.rows if event else ()
        return Score.of([row.score for row in rows if row.example_id in deciding])

    def _pairs(self, split: str) -> list["_Pair"]:
        """Return the rows of `split` that both baseline and winner were scored on."""
        before = self.evaluations.get(f"baseline_{split}")
        after = self.evaluations.get(f"winner_{split}")
        if before is None or after is None or self.winner is None:
            return []
        scores = _by_id(after.rows)
        examples = {example.id: example for example in (*self.splits.dev, *self.splits.test)}
        return [
            _Pair(examples[row.example_id], row.score, scores[row.example_id])
            for row in before.rows
        ]

    def _reported(self) -> ReportedCases:
        pairs = [*self._pairs("dev"), *self._pairs("test")]
        reported = [pair for pair in pairs if not pair.example.deciding]
        fixed, broken = _changes(reported)
        return ReportedCases(len(reported), len(fixed), len(broken))


def _load_statistics() -> None:
    """Import scipy, which takes a second, while the models are waited for."""
    module = "kaizen_engine.evaluate.significance"
    Thread(target=import_module, args=(module,), daemon=True).start()


def _teacher_template(student: ChatRequest, model: str) -> ChatRequest:
    """Return the teacher's request; another vendor need not know the student's parameters."""
    if not model or model == student.model:
        return student
    return replace(student, model=model, params={})


@dataclass(frozen=True)
class _Pair:
    example: Example
    before: float
    after: float


def _by_id(rows: Iterable[RowScore]) -> Mapping[str, float]:
    return {row.example_id: row.score for row in rows}


def _changes(pairs: Sequence[_Pair]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fixed = tuple(pair.example.id for pair in pairs if pair.after > pair.before)
    broken = tuple(pair.example.id for pair in pairs if pair.after < pair.before)
    return fixed, broken


def _is_better(after: Score | None, before: Score | None) -> bool:
    return after is not None and before is not None and after.mean > before.mean


def _trial_score(trial: TrialEvent | None) -> Score | None:
    return Score(trial.score, trial.n_examples) if trial else None


def _versions(strategy: str) -> dict[str, str]:
    names = (*_LIBRARIES, *packages_for(strategy))
    libraries = {name: version(name) for name in names}
    return {"python": platform.python_version(), **libraries}
