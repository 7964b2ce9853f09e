"""Examples: what feedback teaches, made once for each row, in a split that its group keeps."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from django.db.models import F, Q

from feedback_app.models import Dataset, Example, Feedback
from feedback_app.selectors import (
    examples_known,
    feedback_import_of,
    is_labelled,
    is_lesson,
    is_unjudged,
)
from feedback_app.services.batches import Guard, batches, nobody_else, writing
from feedback_app.services.example_rows import example_of, kind_of, tell
from feedback_app.services.example_splits import deal_splits, scores_all, scores_labels
from kaizen_engine.data.leakage import find_leakage
from kaizen_engine.states import Origin, RowKind, Split
from tasks_app.fit import fits, fits_inputs
from tasks_app.models import Task

logger = structlog.get_logger(__name__)

BATCH = 1000


def examples_prepare(
    *,
    task: Task,
    job_id: uuid.UUID,
    shown: Iterable[Mapping[str, Any]] = (),
    guard: Guard = nobody_else,
    is_judged: bool = False,
    dataset: Dataset | None = None,
    untaken: bool = False,
) -> list[Example]:
    """Make an example of every row that this job or a former one took; return all that are usable.

    `untaken` rows are made examples of as well, and still count for the next search.
    Usable are rows that fit the task's present schemas and tie no two splits together; with
    `is_judged` also those without a label, random calls that nobody has judged among them; of
    `dataset` alone where one is named. Rows with inputs that are nearly `shown`, in
    demonstrations of a live version, never become hold-out. Idempotent: a row has one example, an
    example one split, whichever job asks and however often.

    All that takes long is computed between short transactions, so that feedback can be logged
    meanwhile. Each begins with `guard`, which raises where somebody else prepares the task by now.
    """
    sample = feedback_import_of(task)
    made = _make_examples(task, sample, guard, is_judged=is_judged, untaken=untaken)
    _hear_again(task, guard)
    with writing(guard):
        _follow_declarations(task, sample)
    known = list(examples_known(task))
    _share_looks(known, guard)
    examples = [row for row in known if _is_usable(task, row, is_judged=is_judged)]
    scores = scores_all if is_judged else scores_labels
    dealt = deal_splits(task, examples, known, shown, guard, scores)
    logger.info(
        "examples_prepared",
        job=str(job_id),
        task=task.pk,
        made=made,
        dealt=dealt.rows,
        tied=len(dealt.tied),
    )
    return [
        row
        for row in examples
        if row.split and row.pk not in dealt.tied and dataset in (None, row.dataset)
    ]


def leakage_of(examples: Iterable[Example]) -> dict[str, Any]:
    """Return what dev and hold-out share with train, word for word."""
    rows = [(str(row.public_id), Split(row.split), row.inputs) for row in examples if row.split]
    return find_leakage(rows).to_json()


def examples_mark_used(*, task: Task, example_ids: Collection[int]) -> int:
    """Note that a search or a person saw these rows: none of their groups becomes hold-out."""
    rows = Example.objects.filter(task=task, pk__in=example_ids, is_seen=False)
    return rows.update(is_seen=True)


def examples_mark_looked(*, task: Task, example_ids: Collection[int]) -> int:
    """Count one more verdict drawn from these rows of the hold-out."""
    rows = Example.objects.filter(task=task, pk__in=example_ids)
    return rows.update(looks=F("looks") + 1)


def _make_examples(
    task: Task, sample: Dataset | None, guard: Guard, *, is_judged: bool, untaken: bool
) -> int:
    told = is_labelled(task.good_score) | is_lesson()
    wanted = told if untaken else Q(told, consumed_by__isnull=False)
    if is_judged:
        wanted |= is_unjudged()
    rows = Feedback.objects.filter(wanted, task=task, example=None).order_by("id").iterator(BATCH)
    kinds = ((row, kind_of(task, row)) for row in rows)
    found = (example_of(task, row, kind, sample) for row, kind in kinds if kind)
    kept = [example for example in found if example is not None]
    for batch in batches(kept):
        with writing(guard):
            Example.objects.bulk_create(batch)
    return len(kept)


def _hear_again(task: Task, guard: Guard) -> None:
    """Take over what people have said meanwhile of calls that nobody had judged."""
    calls = Example.objects.filter(task=task, kind=RowKind.CALL.value, feedback__isnull=False)
    said = calls.exclude(
        feedback__score=None, feedback__thumb=None, feedback__corrected_output__isnull=True
    )
    rows = list(said.select_related("feedback"))
    for example in rows:
        row = example.feedback
        kind = kind_of(task, row) if row else None
        if row and kind:
            tell(example, task, row, kind)
    for batch in batches(rows):
        with writing(guard):
            fields = ["kind", "outputs", "rated_output", "rated_score", "comment"]
            Example.objects.bulk_update(batch, fields)


def _is_usable(task: Task, row: Example, *, is_judged: bool) -> bool:
    if row.kind in (RowKind.LABEL, RowKind.GOOD):
        return fits(task, row.inputs, row.outputs)
    if row.kind == RowKind.CALL and not is_judged:
        return False
    return fits_inputs(task, row.inputs)


def _follow_declarations(task: Task, sample: Dataset | None) -> None:
    """Rows of a dataset decide as long as a member says that it is a sample of the traffic."""
    imported = Example.objects.filter(
        task=task, origin=Origin.IMPORT.value, feedback__isnull=False
    ).exclude(is_deciding=sample is not None)
    imported.update(is_deciding=sample is not None, dataset=sample)
    uploaded = Example.objects.filter(task=task, dataset__isnull=False, feedback=None)
    for says in (True, False):
        changed = uploaded.filter(dataset__is_representative=says).exclude(is_deciding=says)
        changed.update(is_deciding=says)


def _share_looks(known: Iterable[Example], guard: Guard) -> None:
    """Count a look at a group for all its rows: the same inputs logged again are not unseen."""
    rows = list(known)
    looks: dict[str, int] = {}
    for row in rows:
        looks[row.group] = max(looks.get(row.group, 0), row.looks)
    behind = [row for row in rows if row.looks < looks[row.group]]
    for row in behind:
        row.looks = looks[row.group]
    for batch in batches(behind):
        with writing(guard):
            Example.objects.bulk_update(batch, ["looks"])
