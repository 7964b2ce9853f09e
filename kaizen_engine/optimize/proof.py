"""What a job's scores prove: the comparisons, the verdict, and what is beside it.

No model is called here; everything follows from evaluations that were made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread

from kaizen_engine.evaluate.comparison import Comparison, DevGain
from kaizen_engine.evaluate.runner import Example, RowScore
from kaizen_engine.evaluate.verdict import (
    REPORTED_ALPHA,
    Findings,
    Look,
    decide,
    plan_look,
    rows_needed,
)
from kaizen_engine.optimize.outcome import EvaluationEvent, JobSpec, ReportedCases, Score
from kaizen_engine.optimize.splits import Splits
from kaizen_engine.optimize.strategy import TrialEvent
from kaizen_engine.states import Verdict

# Searched rows choose nothing where others select; see Splits.
_CHOOSING = ("dev", "select")
_OPEN = frozenset({Verdict.LIKELY, Verdict.BETTER_ON_REPORTED, Verdict.NOT_ENOUGH_EVIDENCE})


@dataclass(frozen=True)
class Proof:
    """The part of a job's outcome that is statistics; see JobOutcome for the fields."""

    verdict: Verdict
    comparison: Comparison | None
    dev_gain: DevGain | None
    dev_look: Look
    rows_needed: tuple[int, int] | None
    reported: ReportedCases
    test_before: Score | None
    test_after: Score | None
    fixed_ids: tuple[str, ...]
    broken_ids: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The scored rows that a proof is made from; `evaluations` are by label.

    `has_winner` is false where no candidate beat the baseline, `is_stopped` says that the job
    ended before it had tried all. `trials` are what the winner was chosen from; without them
    nothing is known of the choosing, and dev proves nothing.
    """

    spec: JobSpec
    splits: Splits
    evaluations: Mapping[str, EvaluationEvent]
    has_winner: bool
    is_stopped: bool
    trials: Sequence[TrialEvent] = ()

    def prove(self) -> Proof:
        found, look = self.findings(), self._dev_look()
        verdict = self.verdict(found)
        fixed, broken = _changes(self._pairs("dev"))
        return Proof(
            verdict=verdict,
            comparison=found.holdout,
            dev_gain=found.dev,
            dev_look=look,
            rows_needed=self._rows_needed(found) if verdict in _OPEN else None,
            reported=_reported_cases(found.reported),
            test_before=self._deciding_score("baseline_test"),
            test_after=self._deciding_score("winner_test"),
            fixed_ids=fixed,
            broken_ids=broken,
        )

    def findings(self) -> Findings:
        return Findings(
            holdout=self._comparison(),
            holdout_rows=sum(example.deciding for example in self.splits.test),
            dev=self._dev_gain(self._dev_look()),
            dev_rows=sum(example.deciding for example in self._choosing),
            reported=self._reported_comparison(),
        )

    def verdict(self, found: Findings) -> Verdict:
        """Return what was proven; without a winner, that there is nothing better, or nothing."""
        if not self.has_winner:
            return Verdict.NONE if self.is_stopped else Verdict.EQUAL
        return decide(found, may_confirm=self.spec.judge_may_confirm)

    @property
    def _choosing(self) -> tuple[Example, ...]:
        """The rows that the winner was chosen by."""
        return self.splits.select or self.splits.dev

    def _comparison(self) -> Comparison | None:
        # Imported here: scipy takes a second and has no place in a web process.
        from kaizen_engine.evaluate.significance import alpha_for_look

        pairs = [pair for pair in self._pairs("test") if pair.example.deciding]
        return self._compare(pairs, alpha_for_look(self.spec.look))

    def _dev_look(self) -> Look:
        return plan_look({row.id: row.looks for row in self._choosing if row.deciding})

    def _dev_gain(self, look: Look) -> DevGain | None:
        """Return the winner's gain on the rows of this look, freed of the luck in choosing."""
        baseline = _by_id(self._rows("baseline_dev"))
        rows = [row for row in self._choosing if row.id in baseline]
        candidates = self._candidates({row.id for row in rows})
        looked_at = frozenset(look.ids)
        if not self.has_winner or not candidates or not looked_at & {row.id for row in rows}:
            return None
        from kaizen_engine.evaluate.bias_corrected import DevScores, bias_corrected
        from kaizen_engine.evaluate.significance import alpha_for_look

        scores = DevScores(
            baseline=[baseline[row.id] for row in rows],
            candidates=[[trial.rows[row.id] for row in rows] for trial in candidates],
            groups=[row.group for row in rows],
            deciding=[row.id in looked_at for row in rows],
        )
        return bias_corrected(
            scores,
            alpha=alpha_for_look(look.k),
            minimum_effect=self.spec.minimum_effect,
            seed=self.spec.seed,
        )

    def _candidates(self, rows: set[str]) -> list[TrialEvent]:
        """Return each text once that was scored on all rows, in the order that settles ties."""
        found: dict[str, TrialEvent] = {}
        for trial in self.trials:
            is_whole = trial.is_full and trial.part in _CHOOSING and trial.rows.keys() >= rows
            if is_whole and trial.artifact.hash != self.spec.artifact.hash:
                found.setdefault(trial.artifact.hash, trial)
        return list(found.values())

    def _rows_needed(self, found: Findings) -> tuple[int, int] | None:
        """Plan from the hold-out, or while there is none from dev with its corrected gain."""
        if found.holdout is not None:
            return rows_needed(found.holdout, found.holdout.n)
        from kaizen_engine.evaluate.significance import alpha_for_look

        pairs = [pair for pair in self._choosing_pairs() if pair.example.deciding]
        plan = self._compare(pairs, alpha_for_look(1))
        if plan is None or found.dev is None:
            return None
        return rows_needed(replace(plan, gain=found.dev.gain), 0)

    def _reported_comparison(self) -> Comparison | None:
        pairs = [*self._choosing_pairs(), *self._pairs("test")]
        return self._compare([pair for pair in pairs if not pair.example.deciding], REPORTED_ALPHA)

    def _compare(self, pairs: Sequence["_Pair"], alpha: float) -> Comparison | None:
        from kaizen_engine.evaluate.significance import compare

        if not pairs:
            return None
        return compare(
            [pair.before for pair in pairs],
            [pair.after for pair in pairs],
            [pair.example.group for pair in pairs],
            alpha=alpha,
            minimum_effect=self.spec.minimum_effect,
            seed=self.spec.seed,
        )

    def _deciding_score(self, label: str) -> Score | None:
        deciding = {example.id for example in self.splits.test if example.deciding}
        rows = self._rows(label)
        return Score.of([row.score for row in rows if row.example_id in deciding])

    def _choosing_pairs(self) -> list["_Pair"]:
        chosen_by = {row.id for row in self._choosing}
        return [pair for pair in self._pairs("dev") if pair.example.id in chosen_by]

    def _pairs(self, split: str) -> list["_Pair"]:
        """Return the rows of `split` that both baseline and winner were scored on."""
        if not self.has_winner:
            return []
        after = _by_id(self._rows(f"winner_{split}"))
        examples = {example.id: example for example in (*self.splits.dev, *self.splits.test)}
        return [
            _Pair(examples[row.example_id], row.score, after[row.example_id])
            for row in self._rows(f"baseline_{split}")
            if row.example_id in after
        ]

    def _rows(self, label: str) -> tuple[RowScore, ...]:
        event = self.evaluations.get(label)
        return event.rows if event else ()


def load_statistics() -> None:
    """Import scipy, which takes a second, while the models are waited for."""
    module = "kaizen_engine.evaluate.significance"
    Thread(target=import_module, args=(module,), daemon=True).start()


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


def _reported_cases(found: Comparison | None) -> ReportedCases:
    if found is None:
        return ReportedCases()
    return ReportedCases(found.n, found.fixed, found.broken, found.p)
