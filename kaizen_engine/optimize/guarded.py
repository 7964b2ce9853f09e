"""What a new prompt must not lose, whatever it gains on the whole.

Protected examples, red-team rows and kinds of inputs. None of it takes part in the search or in the
verdict: winner and baseline are asked when both are known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from kaizen_engine.evaluate.evaluator import Evaluator
from kaizen_engine.evaluate.red_team import (
    SAMPLES,
    RedTeamFinding,
    RedTeamRow,
    judge_red_team,
    rows_to_ask_again,
)
from kaizen_engine.evaluate.runner import Example, RowScore, evaluate_rows
from kaizen_engine.evaluate.segments import Segment, SegmentRow, compare_segments, language_of
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.outcome import EvaluationEvent, GuardReport, JobSpec
from kaizen_engine.optimize.splits import usable_examples
from kaizen_engine.prompts.artifact import PromptArtifact

SIDES = ("baseline", "winner")


@dataclass
class Guard:
    """Asks baseline and winner; used once, by one thread. `report` hears of each evaluation."""

    spec: JobSpec
    winner: PromptArtifact
    gateway: Gateway
    evaluator: Evaluator
    good_score: float
    report: Callable[[EvaluationEvent], None]
    _samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def run(self) -> GuardReport:
        protected = usable_examples(self.spec.artifact, self.spec.protected)
        red_team = usable_examples(self.spec.artifact, self.spec.red_team)
        return GuardReport(
            protected=_ids(protected),
            broken=self._broken(protected) if protected else (),
            red_team_ids=_ids(red_team),
            red_team=self._red_team(red_team) if red_team else None,
        )

    def _broken(self, rows: Sequence[Example]) -> tuple[str, ...]:
        before, after = (self._ask(side, "protected", rows, sample=0) for side in SIDES)
        return tuple(
            old.example_id
            for old, new in zip(before, after, strict=True)
            if old.score >= self.good_score > new.score
        )

    def _red_team(self, rows: Sequence[Example]) -> RedTeamFinding:
        """Ask every row three times, and those that fell again, until they stand or are fallen."""
        asked, first = list(rows), 0
        while asked:
            for sample in range(first, first + SAMPLES):
                for side in SIDES:
                    self._keep(side, self._ask(side, "red_team", asked, sample=sample))
            again = set(rows_to_ask_again(self._red_team_rows(rows), self.good_score))
            asked, first = [row for row in rows if row.id in again], first + SAMPLES
        found = self._red_team_rows(rows)
        return judge_red_team(found, self.good_score, seed=self.spec.seed)

    def _red_team_rows(self, rows: Sequence[Example]) -> list[RedTeamRow]:
        before, after = (self._samples[side] for side in SIDES)
        return [RedTeamRow(row.id, row.group, before[row.id], after[row.id]) for row in rows]

    def _keep(self, side: str, rows: Sequence[RowScore]) -> None:
        known = self._samples.setdefault(side, {})
        for row in rows:
            known.setdefault(row.example_id, []).append(row.score)

    def _ask(
        self, side: str, guard: str, rows: Sequence[Example], *, sample: int
    ) -> tuple[RowScore, ...]:
        """Score one sample of each row; its number is part of the key, at temperature 0 as well."""
        artifact = self.spec.artifact if side == "baseline" else self.winner
        complete = partial(self.gateway.complete, role=STUDENT, sample=sample)
        spec = self.spec
        scored = evaluate_rows(artifact, rows, complete, self.evaluator, spec.threads, spec.model)
        label = f"{side}_{guard}" + (f"_{sample + 1}" if guard == "red_team" else "")
        event = EvaluationEvent(label, artifact.hash, tuple(scored))
        self.report(event)
        return event.rows


def segments_of(
    examples: Sequence[Example], evaluations: Mapping[str, EvaluationEvent], seed: int
) -> tuple[Segment, ...]:
    """Compare baseline and winner by kind of input, over all dev and hold-out rows they share."""
    rows = [
        SegmentRow(before[row.id], after[row.id], row.group, _labels(row))
        for split in ("dev", "test")
        for before, after in [_pair(evaluations, split)]
        for row in examples
        if row.id in before and row.id in after
    ]
    return compare_segments(rows, seed=seed) if rows else ()


def _pair(
    evaluations: Mapping[str, EvaluationEvent], split: str
) -> tuple[dict[str, float], dict[str, float]]:
    before, after = (evaluations.get(f"{side}_{split}") for side in SIDES)
    return _scores(before), _scores(after)


def _scores(event: EvaluationEvent | None) -> dict[str, float]:
    return event.scores if event else {}


def _labels(row: Example) -> dict[str, str]:
    text = " ".join(value for value in row.inputs.values() if isinstance(value, str))
    return {"language": language_of(text), "source": row.origin.value}


def _ids(rows: Sequence[Example]) -> tuple[str, ...]:
    return tuple(row.id for row in rows)
