"""What the engine tells about a running job, written as rows that anybody can follow."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.meter import Spent
from kaizen_engine.optimize.outcome import EvaluationEvent
from kaizen_engine.optimize.strategy import TrialEvent
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.changes import change_reason
from kaizen_engine.states import StopReason
from llm_app.writer import GroupCommitWriter, LostLease
from optimization_app.models import EvaluationRow, Job, Trial

PROGRESS = {"prepare": 1, "baseline": 5, "score": 5, "search": 15, "prove": 85}
SEARCH_TO = 85
BATCH = 500


class JobRecorder:
    """The engine's JobEvents. A replay after a crash writes the same rows again, to no effect."""

    def __init__(
        self,
        job: Job,
        writer: GroupCommitWriter,
        *,
        trials: int,
        spent: Callable[[], Spent] = Spent,
    ) -> None:
        self._job = job
        self._writer = writer
        self._trials = max(1, trials)
        self._spent = spent
        self._told = spent().usd

    def phase(self, name: str) -> None:
        self._write(lambda: self._update(phase=name, progress=PROGRESS.get(name, 1)))

    def trial(self, event: TrialEvent) -> None:
        cost = self._since_the_last()
        self._write(lambda: self._store_trial(event, cost))

    def evaluation(self, event: EvaluationEvent) -> None:
        self._since_the_last()
        self._write(lambda: self._store_evaluation(event))

    def _since_the_last(self) -> Decimal:
        """Return what was spent since the last figure; an attempt that replays spends nothing."""
        before, self._told = self._told, self._spent().usd
        return self._told - before

    def _write(self, run: Callable[[], None]) -> None:
        try:
            self._writer.call(run, guarded=True)
        except LostLease as error:
            raise JobAbort(StopReason.WORKER_LOST, str(error)) from error

    def _update(self, **changes: Any) -> None:
        Job.objects.filter(pk=self._job.pk).update(**changes)

    def _store_trial(self, event: TrialEvent, cost: Decimal) -> None:
        seed = PromptArtifact.from_dict(self._job.seed_version.artifact)
        row = Trial(
            job=self._job,
            number=event.number,
            score=event.score,
            rows=event.n_examples,
            is_full=event.is_full,
            is_best=event.is_best,
            artifact_hash=event.artifact.hash,
            artifact=event.artifact.to_dict(),
            change_reason=change_reason(seed, event.artifact),
            part=event.part,
            warning=event.warning,
            cost_usd=cost,
        )
        Trial.objects.bulk_create([row], ignore_conflicts=True)
        done = min(event.number / self._trials, 1.0)
        changes: dict[str, Any] = {
            "progress": round(PROGRESS["search"] + done * (SEARCH_TO - PROGRESS["search"]))
        }
        if event.is_best:
            changes["current_best_metric"] = event.score
            Trial.objects.filter(job=self._job, number__lt=event.number).update(is_best=False)
        self._update(**changes)

    def _store_evaluation(self, event: EvaluationEvent) -> None:
        evaluation_rows_store(self._job, event)
        if event.label == "baseline_dev" and event.score is not None:
            self._update(baseline_metric=event.score.mean)


class EvaluationRecorder(JobRecorder):
    """The engine's EvaluationEvents: rows come in parts, each with how far the job is."""

    def __init__(self, job: Job, writer: GroupCommitWriter) -> None:
        super().__init__(job, writer, trials=0)

    def rows(self, event: EvaluationEvent, *, done: int, total: int) -> None:
        self._write(lambda: self._store_rows(event, done / max(1, total)))

    def _store_rows(self, event: EvaluationEvent, share: float) -> None:
        evaluation_rows_store(self._job, event)
        first, last = PROGRESS["score"], PROGRESS["prove"]
        self._update(progress=round(first + share * (last - first)))


def evaluation_rows_store(job: Job, event: EvaluationEvent) -> None:
    rows = [
        EvaluationRow(
            job=job,
            label=event.label,
            example_id=int(row.example_id),
            artifact_hash=event.artifact_hash,
            messages_hash=row.messages_hash,
            score=row.score,
            output=row.output,
            text=storable(row.text),
            parse_error=storable(row.parse_error),
            parts=dict(row.parts),
            reasons=dict(row.reasons),
            votes={name: [dict(vote) for vote in votes] for name, votes in row.votes.items()},
        )
        for row in event.rows
    ]
    EvaluationRow.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def storable(text: str) -> str:
    """Spell out what a text column refuses: NUL and lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
