"""The inbox as lines of a file; hold-out rows stand there without their texts."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from feedback_app.inbox import is_hold_out, versions_of
from feedback_app.inbox_words import stand_of
from feedback_app.models import Feedback
from kaizen_engine.evaluate.texts import value_text

BATCH = 500
COLUMNS = (
    *("id", "event_id", "time", "prompt", "version", "origin", "state", "score", "thumb"),
    *("comment", "inputs", "output", "corrected_output"),
)
THUMBS = {True: "up", False: "down", None: ""}


def export_lines(rows: QuerySet[Feedback]) -> Iterator[list[Any]]:
    found = rows.iterator(BATCH)
    while batch := list(islice(found, BATCH)):
        versions = versions_of(batch)
        for row in batch:
            yield _line(row, versions.get((row.task_id, row.prompt_hash), ""))


def _line(row: Feedback, version: int | str) -> list[Any]:
    texts = (row.comment, row.inputs, row.output, row.corrected_output)
    return [
        *(str(row.public_id), row.event_id, row.created_at.isoformat(timespec="seconds")),
        *(row.task.slug, version, row.origin, stand_of(row), row.score, THUMBS[row.thumb]),
        *("" if is_hold_out(row) else value_text(text) for text in texts),
    ]
