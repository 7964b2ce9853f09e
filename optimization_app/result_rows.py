"""The rows on which two versions were compared: fixed, broken or the same, the worst first.

Dev rows only. Hold-out rows are shown to nobody, since a row that was seen decides nothing more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from kaizen_engine.states import Split
from optimization_app.models import EvaluationRow, Job
from prompts_app.demo_diff import plain
from prompts_app.long_text import LongText, cut_text
from prompts_app.models import PromptVersion
from prompts_app.services.checks import measured

BEFORE, AFTER = "baseline_dev", "winner_dev"
OPEN_SPLITS = (Split.TRAIN.value, Split.DEV.value)
KINDS: Mapping[str, Q] = {
    "broken": Q(gain__lt=0),
    "fixed": Q(gain__gt=0),
    "same": Q(gain=0),
}
TONES = {"broken": "is-fail", "fixed": "is-pass", "same": ""}
MOST_REASON = 300


@dataclass(frozen=True)
class Answer:
    """What one version said to a row, its score, and why it got that."""

    score: str
    text: LongText
    reasons: list[tuple[str, LongText]]
    votes: str


@dataclass(frozen=True)
class ResultLine:
    kind: str
    tone: str
    inputs: LongText
    expected: LongText
    before: Answer
    after: Answer


def compared_job(before: PromptVersion, after: PromptVersion) -> Job | None:
    """Return the job whose evidence counts for `after` now, if it compared with `before`."""
    found = measured(after).summary
    if not found.get("job") or found.get("parent") != str(before.public_id):
        return None
    jobs = Job.objects.filter(task_id=after.task_id, public_id=found["job"])
    return jobs.only("pk", "public_id", "task_id").first()


def result_rows(job: Job, kind: str = "") -> QuerySet[EvaluationRow]:
    """Return what the new version answered, each row with its `gain`; an unknown kind is all."""
    twin = EvaluationRow.objects.filter(job=job, label=BEFORE, example=OuterRef("example"))
    rows = EvaluationRow.objects.filter(job=job, label=AFTER, example__split__in=OPEN_SPLITS)
    rows = rows.annotate(gain=F("score") - Subquery(twin.values("score")[:1]))
    wanted = KINDS.get(kind, Q(gain__isnull=False))
    return rows.filter(wanted).select_related("example").order_by("gain", "score", "pk")


def result_lines(job: Job, rows: list[Any]) -> Iterator[ResultLine]:
    """Join the rows of one page with what was said before."""
    ids = [row.example_id for row in rows]
    twins = EvaluationRow.objects.filter(job=job, label=BEFORE, example__in=ids)
    said = {row.example_id: row for row in twins}
    for row in rows:
        if row.example_id in said:
            yield _line(row, said[row.example_id])


def _line(row: Any, before: EvaluationRow) -> ResultLine:
    kind = "broken" if row.gain < 0 else "fixed" if row.gain > 0 else "same"
    return ResultLine(
        kind=kind,
        tone=TONES[kind],
        inputs=cut_text(plain(row.example.inputs)),
        expected=cut_text(plain(row.example.outputs)),
        before=answer_of(before),
        after=answer_of(row),
    )


def answer_of(row: EvaluationRow) -> Answer:
    said = [("contract", row.parse_error)] if row.parse_error else []
    said += [(part, str(reason)) for part, reason in row.reasons.items() if reason]
    text = row.text or (plain(row.output) if row.output else "")
    reasons = [(part, cut_text(reason, first=MOST_REASON)) for part, reason in said]
    return Answer(f"{row.score:.2f}", cut_text(text), reasons, _votes(row.votes))


def _votes(votes: Mapping[str, Any]) -> str:
    """Count what the judges said, part by part."""
    parts = []
    for part, cast in votes.items():
        words = [str(vote.get("said") or "unreadable") for vote in cast]
        counts = {word: words.count(word) for word in dict.fromkeys(words)}
        if counts:
            parts.append(f"{part}: " + ", ".join(f"{n} × {word}" for word, n in counts.items()))
    return "; ".join(parts)
