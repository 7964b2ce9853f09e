"""Which split each example is in: dealt once for its group, and kept for ever."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedback_app.models import Example
from feedback_app.services.batches import Guard, batches, writing
from kaizen_engine.data.groups import GroupRow, Groups, form_groups
from kaizen_engine.data.split import SplitRow, assign_splits
from kaizen_engine.states import RowKind, Split
from tasks_app.models import Task

Scores = Callable[[Example], bool]


@dataclass(frozen=True)
class Dealt:
    """How many rows got a split, and which would have tied two splits together."""

    rows: int
    tied: frozenset[int]


def deal_splits(
    task: Task,
    examples: Sequence[Example],
    known: Iterable[Example],
    shown: Iterable[Mapping[str, Any]],
    guard: Guard,
    scores: Scores,
) -> Dealt:
    """Give a split to the rows whose group has none, and to the rest the one of their group.

    Of `known`, rows that no longer fit the schemas still say which split their group has. Rows
    that tie two splits together get none, and one that is in a split already leaves the job.
    """
    usable = {row.pk for row in examples}
    rows = [row for row in known if row.split or row.pk in usable]
    groups = form_groups([_group_row(row) for row in rows], shown)
    free = [row for row in rows if row.pk in usable or row.split]
    lots = [_lot(row, groups, scores) for row in free if str(row.pk) in groups.of]
    dealt = assign_splits(lots, task.split_seed)
    new = [row for row in examples if str(row.pk) in dealt]
    for row in new:
        row.split = dealt[str(row.pk)].value
        row.group = groups.of[str(row.pk)]
    for batch in batches(new):
        with writing(guard):
            Example.objects.bulk_update(batch, ["split", "group"])
    tied = frozenset(int(row_id) for row_id in groups.tied)
    _note_tied([row for row in rows if row.is_tied != (row.pk in tied)], guard)
    return Dealt(len(new), tied)


def _note_tied(changed: list[Example], guard: Guard) -> None:
    for row in changed:
        row.is_tied = not row.is_tied
    for batch in batches(changed):
        with writing(guard):
            Example.objects.bulk_update(batch, ["is_tied"])


def _group_row(row: Example) -> GroupRow:
    split = Split(row.split) if row.split else None
    return GroupRow(str(row.pk), row.inputs, tuple(row.links), row.group, split)


def _lot(row: Example, groups: Groups, scores: Scores) -> SplitRow:
    group = groups.of[str(row.pk)]
    return SplitRow(
        id=str(row.pk),
        group=group,
        split=Split(row.split) if row.split else None,
        deciding=row.is_deciding,
        seen=row.is_seen or group in groups.shown,
        teaches=not scores(row),
    )


def scores_labels(row: Example) -> bool:
    return row.kind in (RowKind.LABEL, RowKind.GOOD)


def scores_all(row: Example) -> bool:
    return True
