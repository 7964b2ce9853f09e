"""What a job did with every row of its task, counted: by where the row came from and its role."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from feedback_app.models import Dataset, Example
from feedback_app.row_words import (
    DEMONSTRATION,
    DEV_DECIDING,
    DEV_REPORTED,
    HOLDOUT_DECIDING,
    HOLDOUT_REPORTED,
    LESSON,
    LOOKED_AT,
    MORE_THAN_NEEDED,
    NOT_FITTING,
    NOT_SCORED,
    OTHER_ROWS,
    RED_TEAM,
    TIED,
    TRAIN,
    UNJUDGED,
)
from feedback_app.selectors import feedback_without_example
from kaizen_engine.data.split import group_key
from kaizen_engine.evaluate.runner import Example as EngineExample
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import RowKind, Split


def rows_used(rows: Iterable[Example], *, is_judged: bool) -> list[list[Any]]:
    """Return [origin, role, how many], the largest first."""
    found = Counter((row.origin, role) for row in rows if (role := _role(row, is_judged)))
    return [[origin, role, count] for (origin, role), count in found.most_common()]


def rows_left_out(
    known: Iterable[Example],
    usable: Collection[int],
    taken: Collection[int],
    *,
    is_judged: bool,
    dataset: Dataset | None,
) -> dict[str, int]:
    """Return how many rows of the task the job does not use, by the reason."""
    rows = list(known)
    reasons = Counter(
        reason for row in rows if (reason := _reason(row, usable, taken, is_judged, dataset))
    )
    task = rows[0].task if rows else None
    if task and dataset is None:
        reasons.update(feedback_without_example(task))
    return dict(reasons.most_common())


def usage_of_winner(
    usage: Mapping[str, Any], winner: PromptArtifact | None, rows: Iterable[EngineExample]
) -> dict[str, Any]:
    """Return the frozen usage with the rows of train that the winner shows counted apart."""
    shown = {group_key(demo.inputs) for demo in (winner.demos if winner else ())}
    train = [row for row in rows if row.split is Split.TRAIN and row.is_labelled]
    demos = Counter(row.origin.value for row in train if group_key(row.inputs) in shown)
    used = [
        [origin, role, count - demos[origin] if role == TRAIN else count]
        for origin, role, count in usage.get("used", ())
    ]
    apart = [[origin, DEMONSTRATION, count] for origin, count in demos.most_common()]
    return {**usage, "used": [line for line in (*apart, *used) if line[2] > 0]}


def _role(row: Example, is_judged: bool) -> str:
    is_scored = is_judged or row.kind in (RowKind.LABEL, RowKind.GOOD)
    if row.split == Split.TRAIN:
        return LESSON if row.kind == RowKind.BAD else TRAIN
    if row.split == Split.RED_TEAM:
        return RED_TEAM
    if not is_scored:
        return ""
    if row.split == Split.DEV:
        return DEV_DECIDING if row.is_deciding else DEV_REPORTED
    return HOLDOUT_DECIDING if row.is_deciding else HOLDOUT_REPORTED


def _reason(
    row: Example,
    usable: Collection[int],
    taken: Collection[int],
    is_judged: bool,
    dataset: Dataset | None,
) -> str:
    if row.pk in taken:
        return "" if _role(row, is_judged) else NOT_SCORED
    if row.pk in usable:
        return LOOKED_AT if row.split == Split.TEST else MORE_THAN_NEEDED
    if dataset is not None and row.dataset_id != dataset.pk:
        return OTHER_ROWS
    if row.is_tied:
        return TIED
    if row.kind == RowKind.CALL and not is_judged:
        return UNJUDGED
    return NOT_FITTING
