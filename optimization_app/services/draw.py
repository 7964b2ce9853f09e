"""Filling the labelling queue: random calls first, then answers of jobs, half of them random.

The random half is drawn without looking at any score and counts for passport and intervals; the
other half is where the judge is least sure, and only shows what its rubric lacks.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice, zip_longest
from typing import Any

from django.db import transaction

from feedback_app.models import Example, Feedback
from feedback_app.selectors import feedback_to_review
from kaizen_engine.prompts.artifact import canonical_json, sha256_hex
from kaizen_engine.states import JobState, LabelKind, Split
from optimization_app.models import EvaluationRow, Job, LabelItem
from optimization_app.passports import Judge, judge_of
from projects_app.actors import Actor
from projects_app.models import Role
from projects_app.services.audit import audit_record
from tasks_app.models import Task

BATCH = 20
MOST_CALLS = 200
UNSURE = 0.5


@transaction.atomic
def items_draw(*, actor: Actor, task: Task, wanted: int = BATCH) -> int:
    """Add up to `wanted` questions to the queue and return how many were new."""
    actor.require(role=Role.EDITOR, project_id=task.project_id)
    known = set(LabelItem.objects.filter(task=task).values_list("content_hash", flat=True))
    drawn = list(islice(_new(_candidates(task), known), wanted))
    LabelItem.objects.bulk_create(drawn, ignore_conflicts=True)
    if drawn:
        audit_record(actor=actor, action="kaizen.label.drawn", subject=task, items=len(drawn))
    return len(drawn)


def _candidates(task: Task) -> Iterator[LabelItem]:
    calls = (_of_call(row) for row in feedback_to_review(task)[:MOST_CALLS])
    return chain(calls, _of_latest_job(task, judge_of(task.evaluator)))


def _new(items: Iterable[LabelItem], known: set[str]) -> Iterator[LabelItem]:
    for item in items:
        if item.content_hash not in known:
            known.add(item.content_hash)
            yield item


def _of_call(row: Feedback) -> LabelItem:
    kind = LabelKind.ANSWER.value
    return _item(row.task, f"feedback {row.pk}", row.inputs, row.output, kind=kind, feedback=row)


def _of_latest_job(task: Task, judge: Judge | None) -> Iterator[LabelItem]:
    """Return answers of the latest job that ended, random and unsure ones in turn."""
    job = Job.objects.filter(task=task, state=JobState.SUCCEEDED.value).order_by("-id").first()
    if job is None:
        return
    rows = list(job.evaluation_rows.filter(parse_error="").select_related("example__task"))
    halves = (_random(rows), _unsure(rows, judge) if judge else [])
    for row, is_random in _in_turn(*halves):
        item = _of_row(row, judge, is_random=is_random)
        if item is not None:
            yield item


def _in_turn(
    random: list[EvaluationRow], unsure: list[EvaluationRow]
) -> Iterator[tuple[EvaluationRow, bool]]:
    for drawn, doubtful in zip_longest(random, unsure):
        if drawn is not None:
            yield drawn, True
        if doubtful is not None:
            yield doubtful, False


def _random(rows: Iterable[EvaluationRow]) -> list[EvaluationRow]:
    """Draw deciding examples by lot; all answers to one follow each other."""
    drawn = [row for row in rows if _is_for_passport(row)]
    lot = {row.example_id: _lot(row.example) for row in drawn}
    return sorted(drawn, key=lambda row: (lot[row.example_id], row.label))


def _unsure(rows: Iterable[EvaluationRow], judge: Judge) -> list[EvaluationRow]:
    """Return what the judge is least sure of; tuning it must not see the hold-out."""
    seen = [
        row
        for row in rows
        if not row.label.endswith(f"_{Split.TEST.value}") and not _is_for_passport(row)
    ]
    asked = [row for row in seen if judge.name in row.parts]
    return sorted(asked, key=lambda row: (abs(row.parts[judge.name] - UNSURE), row.pk))


def _is_for_passport(row: EvaluationRow) -> bool:
    """Keep half of the deciding examples from the unsure ones: what these take would be missing
    from the random ones, which would then flatter the judge."""
    return row.example.is_deciding and _lot(row.example) % 2 == 0


def _lot(example: Example) -> int:
    drawn = hashlib.sha256(f"{example.task.split_seed}|{example.public_id}".encode())
    return int.from_bytes(drawn.digest()[:8], "big")


def _of_row(row: EvaluationRow, judge: Judge | None, *, is_random: bool) -> LabelItem | None:
    """Return the question; None where a pair would have nothing to compare, or the same twice."""
    example = row.example
    reference = None
    if judge is not None and judge.kind is LabelKind.PAIR:
        reference = example.outputs or example.rated_output
        if not reference or reference == row.output:
            return None
    return _item(
        example.task,
        f"example {example.pk}",
        example.inputs,
        row.output,
        kind=LabelKind.PAIR.value if reference else LabelKind.ANSWER.value,
        reference=reference,
        example=example,
        is_random=is_random,
    )


def _item(task: Task, row: str, inputs: Any, answer: Any, **fields: Any) -> LabelItem:
    spelled = canonical_json([row, answer, fields.get("reference")])
    return LabelItem(
        task=task,
        content_hash=sha256_hex(spelled),
        inputs=inputs,
        answer=answer,
        **fields,
    )
