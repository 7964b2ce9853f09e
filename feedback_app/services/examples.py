"""Examples: what feedback teaches, made once for each row, in a split that its group keeps.

A correction is a label and wins over any score. Without one, a good answer is its own label; a bad
one has none and is left for the strategies that read comments.
"""

import uuid
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from feedback_app.models import Dataset, Example, Feedback
from feedback_app.selectors import feedback_import_of, is_labelled
from kaizen_engine.data.split import SplitRow, assign_splits, group_key
from kaizen_engine.states import Origin, Split
from tasks_app.fit import fits
from tasks_app.models import Task

logger = structlog.get_logger(__name__)

BATCH = 1000

Guard = Callable[[], None]
T = TypeVar("T")


def _nobody_else() -> None:
    """Trust that no other process prepares this task."""


def examples_prepare(
    *,
    task: Task,
    job_id: uuid.UUID,
    shown: Iterable[Mapping[str, Any]] = (),
    guard: Guard = _nobody_else,
) -> list[Example]:
    """Make an example of every labelled row that this job or a former one took; return all.

    Only rows that fit the task's present schemas come back. Rows with inputs that are `shown`, in
    demonstrations of a live version, never become hold-out. Idempotent: a row has one example, an
    example one split, whichever job asks and however often.

    All that takes long is computed between short transactions, so that feedback can be logged
    meanwhile. Each begins with `guard`, which raises where somebody else prepares the task by now.
    """
    sample = feedback_import_of(task)
    made = _make_examples(task, sample, guard)
    with _writing(guard):
        _follow_declaration(task, sample)
    known = list(_examples_of(task))
    _share_looks(known, guard)
    examples = [row for row in known if fits(task, row.inputs, row.outputs)]
    dealt = _deal_splits(task, examples, known, frozenset(map(group_key, shown)), guard)
    logger.info("examples_prepared", job=str(job_id), task=task.pk, made=made, dealt=dealt)
    return examples


def examples_mark_used(*, task: Task, example_ids: Collection[int]) -> int:
    """Note that a search or a person saw these rows: none of their groups becomes hold-out."""
    rows = Example.objects.filter(task=task, pk__in=example_ids, is_seen=False)
    return rows.update(is_seen=True)


def examples_mark_looked(*, task: Task, example_ids: Collection[int]) -> int:
    """Count one more verdict drawn from these rows of the hold-out."""
    rows = Example.objects.filter(task=task, pk__in=example_ids)
    return rows.update(looks=F("looks") + 1)


def label_of(task: Task, row: Feedback) -> dict[str, Any] | None:
    """Return what the row says the right answer is, or None where it says none."""
    if row.corrected_output is not None:
        label: dict[str, Any] = row.corrected_output
        return label
    return row.output if is_good(task, row) else None


def is_good(task: Task, row: Feedback) -> bool:
    """A score decides; a thumb alone is 1 or 0."""
    if row.score is not None:
        return row.score >= task.good_score
    return row.thumb is True


@contextmanager
def _writing(guard: Guard) -> Iterator[None]:
    with transaction.atomic():
        guard()
        yield


def _batches(rows: list[T]) -> Iterator[list[T]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _make_examples(task: Task, sample: Dataset | None, guard: Guard) -> int:
    taken = Feedback.objects.filter(
        is_labelled(task.good_score), task=task, consumed_by__isnull=False, example=None
    )
    rows = [_example(task, row, sample) for row in taken.order_by("id").iterator(BATCH)]
    kept = [row for row in rows if row is not None]
    for batch in _batches(kept):
        with _writing(guard):
            Example.objects.bulk_create(batch)
    return len(kept)


def _example(task: Task, row: Feedback, sample: Dataset | None) -> Example | None:
    label = label_of(task, row)
    if label is None:
        return None
    try:
        group = group_key(row.inputs)
    except ValueError as error:
        logger.warning("feedback_without_plain_form", feedback=row.event_id, why=str(error))
        return None
    is_import = row.origin == Origin.IMPORT
    return Example(
        task=task,
        feedback=row,
        dataset=sample if is_import else None,
        inputs=row.inputs,
        outputs=label,
        group=group,
        origin=row.origin,
        is_deciding=row.origin == Origin.RANDOM or (is_import and sample is not None),
        comment=row.comment,
    )


def _follow_declaration(task: Task, sample: Dataset | None) -> None:
    """Imported feedback decides as long as a member says that it is a sample of the traffic."""
    imported = Example.objects.filter(
        task=task, origin=Origin.IMPORT.value, feedback__isnull=False
    ).exclude(is_deciding=sample is not None)
    imported.update(is_deciding=sample is not None, dataset=sample)


def _examples_of(task: Task) -> QuerySet[Example]:
    return Example.objects.filter(task=task).order_by("id")


def _share_looks(known: Iterable[Example], guard: Guard) -> None:
    """Count a look at a group for all its rows: the same inputs logged again are not unseen."""
    rows = list(known)
    looks: dict[str, int] = {}
    for row in rows:
        looks[row.group] = max(looks.get(row.group, 0), row.looks)
    behind = [row for row in rows if row.looks < looks[row.group]]
    for row in behind:
        row.looks = looks[row.group]
    for batch in _batches(behind):
        with _writing(guard):
            Example.objects.bulk_update(batch, ["looks"])


def _deal_splits(
    task: Task,
    examples: Iterable[Example],
    known: Iterable[Example],
    shown: Container[str],
    guard: Guard,
) -> int:
    """Give a split to the rows whose group has none, and to the rest the one of their group.

    Of `known`, rows that no longer fit the schemas still say which split their group has.
    """
    by_id = {str(row.pk): row for row in examples}
    new = {row.group for row in by_id.values() if not row.split}
    unfit = [row for row in known if row.split and row.group in new and str(row.pk) not in by_id]
    rows = [_split_row(row, shown) for row in (*unfit, *by_id.values())]
    dealt = assign_splits(rows, task.split_seed)
    by_split: dict[Split, list[int]] = {}
    for key, split in dealt.items():
        by_id[key].split = split.value
        by_split.setdefault(split, []).append(by_id[key].pk)
    for split, ids in by_split.items():
        for batch in _batches(ids):
            with _writing(guard):
                Example.objects.filter(pk__in=batch, split="").update(split=split.value)
    return len(dealt)


def _split_row(row: Example, shown: Container[str]) -> SplitRow:
    split = Split(row.split) if row.split else None
    is_seen = row.is_seen or row.group in shown
    return SplitRow(str(row.pk), row.group, split, row.is_deciding, is_seen)
