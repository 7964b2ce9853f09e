"""How feedback is shown: short in the list, whole on its own page, nothing of the hold-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from feedback_app.inbox import is_hold_out, versions_of
from feedback_app.models import Feedback
from feedback_app.row_words import ORIGINS, SPLIT_WORDS
from kaizen_engine.evaluate.texts import storable, value_text
from tasks_app.fit import declared

SHORT = 160
LONG = 2000
MOST_FIELDS = 8


@dataclass(frozen=True)
class InboxRow:
    """A row of the list. `version` is a number where the hash is known, else none."""

    row: Feedback
    said: str
    answer: str
    comment: str
    stand: str
    version: int | None
    is_hold_out: bool


@dataclass(frozen=True)
class Field:
    """One field of inputs or outputs, with its text; `is_personal` as its prompt declares."""

    name: str
    text: str
    is_personal: bool

    @property
    def beginning(self) -> str:
        return self.text[:LONG]

    @property
    def is_long(self) -> bool:
        return len(self.text) > LONG


def inbox_rows(rows: Sequence[Feedback]) -> list[InboxRow]:
    versions = versions_of(rows)
    return [_inbox_row(row, versions.get((row.task_id, row.prompt_hash))) for row in rows]


def fields_of(schema: Mapping[str, Any], values: Any) -> list[Field]:
    """Return the fields in the order that the prompt declares, others after them."""
    if not isinstance(values, Mapping):
        return [] if values is None else [Field("", storable(value_text(values)), False)]
    known = declared(schema)
    names = [*(name for name in known if name in values), *(n for n in values if n not in known)]
    personal = personal_fields(schema)
    return [Field(name, storable(value_text(values[name])), name in personal) for name in names]


def personal_fields(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields that the schema marks: `x-pii`, or the format of an address of mail."""
    marked = (
        name
        for name, part in declared(schema).items()
        if isinstance(part, Mapping) and (part.get("x-pii") or part.get("format") == "email")
    )
    return frozenset(marked)


def stand_of(row: Feedback) -> str:
    """Say in a few words what has become of the row."""
    example = getattr(row, "example", None)
    if row.redacted_at:
        return _("Redacted")
    if row.dismissed_at:
        return _("Dismissed")
    if example is not None:
        return _("Example: %(split)s") % {"split": SPLIT_WORDS.get(example.split, example.split)}
    return _("Taken by a job") if row.consumed_by else _("Waits for a job")


def in_short(values: Any, most: int = SHORT) -> str:
    """Return the beginning of the values as one line."""
    if isinstance(values, Mapping) and len(values) > 1:
        parts = (f"{name}: {_cut(value_text(value), most)}" for name, value in values.items())
        return _cut(" · ".join(islice(parts, MOST_FIELDS)), most)
    lone = next(iter(values.values()), "") if isinstance(values, Mapping) else values
    return _cut(value_text(lone), most)


def origin_word(origin: str) -> str:
    return ORIGINS.get(origin, origin)


def _inbox_row(row: Feedback, version: int | None) -> InboxRow:
    hidden = is_hold_out(row) and not row.redacted_at
    return InboxRow(
        row=row,
        said="" if hidden else in_short(row.inputs),
        answer="" if hidden else in_short(row.output),
        comment="" if hidden else _cut(row.comment, SHORT),
        stand=stand_of(row),
        version=version,
        is_hold_out=hidden,
    )


def _cut(text: str, most: int) -> str:
    shown = " ".join(storable(text[: most * 2]).split())
    return shown if len(shown) <= most and len(text) <= most * 2 else f"{shown[: most - 1]}…"
