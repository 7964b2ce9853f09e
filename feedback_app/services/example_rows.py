"""What a row of feedback says, and the example that comes of it.

A correction is a label and wins over any score. Without one, a good answer is its own label; a bad
one with a comment teaches whoever reads comments. A random call that nobody has judged yet says
nothing, and can be scored by a judge all the same.
"""

from typing import Any

import structlog

from feedback_app.models import Dataset, Example, Feedback
from feedback_app.selectors import BAD_SCORE
from kaizen_engine.data.groups import links_of
from kaizen_engine.data.split import group_key
from kaizen_engine.states import Origin, RowKind
from tasks_app.models import Task

logger = structlog.get_logger(__name__)


def kind_of(task: Task, row: Feedback) -> RowKind | None:
    """Return what the row can be used for; None where it says nothing that could be used."""
    if row.corrected_output is not None:
        return RowKind.LABEL
    if row.output is None:
        return None
    if is_good(task, row):
        return RowKind.GOOD
    if is_bad(row):
        return RowKind.BAD if row.comment.strip() else None
    is_open = row.score is None and row.thumb is None and row.origin == Origin.RANDOM
    return RowKind.CALL if is_open else None


def label_of(task: Task, row: Feedback) -> dict[str, Any] | None:
    """Return what the row says the right answer is, or None where it says none."""
    if row.corrected_output is not None:
        label: dict[str, Any] = row.corrected_output
        return label
    return row.output if is_good(task, row) else None


def is_good(task: Task, row: Feedback) -> bool:
    """A score decides; a thumb alone is 1 or 0."""
    rated = rated_score(row)
    return rated is not None and rated >= task.good_score


def is_bad(row: Feedback) -> bool:
    rated = rated_score(row)
    return rated is not None and rated <= BAD_SCORE


def rated_score(row: Feedback) -> float | None:
    if row.score is not None:
        return row.score
    return None if row.thumb is None else float(row.thumb)


def example_of(task: Task, row: Feedback, kind: RowKind, sample: Dataset | None) -> Example | None:
    """Return the example, not yet stored; None where its inputs have no plain form."""
    try:
        group = group_key(row.inputs)
    except ValueError as error:
        logger.warning("feedback_without_plain_form", feedback=row.event_id, why=str(error))
        return None
    is_import = row.origin == Origin.IMPORT
    example = Example(
        task=task,
        feedback=row,
        dataset=sample if is_import else None,
        inputs=row.inputs,
        group=group,
        links=list(links_of(row.metadata)),
        origin=row.origin,
        is_deciding=row.origin == Origin.RANDOM or (is_import and sample is not None),
    )
    tell(example, task, row, kind)
    return example


def tell(example: Example, task: Task, row: Feedback, kind: RowKind) -> None:
    """Write into the example what people have said of the row by now."""
    example.kind = kind.value
    example.outputs = label_of(task, row) or {}
    example.rated_output = row.output
    example.rated_score = rated_score(row)
    example.comment = row.comment
