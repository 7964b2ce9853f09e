"""From the columns of a file to the fields of feedback as it comes over the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from projects_app.exceptions import InvalidInput
from tasks_app.fit import declared
from tasks_app.models import Task

WHOLE = ("inputs", "output", "corrected_output", "metrics", "metadata")
PLAIN = ("score", "thumb", "comment", "prompt_hash", "event_id")
TARGETS = (*WHOLE, *(f"{name}.<field>" for name in WHOLE), *PLAIN)
THUMBS = {
    **dict.fromkeys(("true", "1", "yes", "up"), True),
    **dict.fromkeys(("false", "0", "no", "down"), False),
}


class Unmappable(ValueError):
    """A row's cell that cannot be what its column stands for."""


@dataclass(frozen=True)
class ColumnMapping:
    """`pairs` of a column and the field that it fills, such as `("code", "output")`."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, given: Sequence[str], columns: Sequence[str]) -> Self:
        """Read `column=field` pairs; without any, the columns are named like the fields.

        Raises InvalidInput for a field that feedback lacks or a column that the file lacks.
        """
        named = given or [f"{column}={column}" for column in columns]
        pairs = tuple(_pair(text) for text in named)
        targets = [target for _, target in pairs]
        twice = {target for target in targets if targets.count(target) > 1}
        if twice:
            raise InvalidInput(f"{min(twice)} is mapped twice")
        missing = [column for column, _ in pairs if columns and column not in columns]
        if missing:
            known = ", ".join(columns)
            raise InvalidInput(f"the file has no column {missing[0]!r}; it has: {known}")
        return cls(pairs)

    def item(self, cells: Mapping[str, Any], task: Task) -> dict[str, Any]:
        """Return the fields of one row; an empty cell fills none. Raises Unmappable."""
        item: dict[str, Any] = {"inputs": {}, "output": None}
        for column, target in self.pairs or _by_name(cells):
            value = cell_of(cells, column)
            if value is not None and value != "":
                _place(item, target, _fitting(value, target, task))
        return item


def _pair(text: str) -> tuple[str, str]:
    column, separator, target = text.rpartition("=")
    if not separator or not column or not _is_target(target):
        known = ", ".join(TARGETS)
        raise InvalidInput(f"{text!r} is no column=field; fields are: {known}")
    return column, target


def _is_target(target: str) -> bool:
    head, dot, rest = target.partition(".")
    return target in PLAIN or (head in WHOLE and bool(rest) == bool(dot))


def _by_name(cells: Mapping[str, Any]) -> list[tuple[str, str]]:
    unknown = [name for name in cells if not _is_target(name)]
    if unknown:
        raise Unmappable(f"{unknown[0]} is no field of feedback; map it, or leave it out by --map")
    return [(name, name) for name in cells]


def cell_of(cells: Mapping[str, Any], column: str) -> Any:
    """Return a cell; `meta.text` also reaches into an object of a JSON line."""
    if column in cells:
        return cells[column]
    value: Any = cells
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _place(item: dict[str, Any], target: str, value: Any) -> None:
    head, _, name = target.partition(".")
    if not name:
        item[head] = value
        return
    if not isinstance(item.get(head), dict):
        item[head] = {}
    item[head][name] = value


def _fitting(value: Any, target: str, task: Task) -> Any:
    """Turn a text of a CSV into what the field holds; other values are as they should be."""
    if not isinstance(value, str):
        return value
    if target == "score" or target.startswith("metrics."):
        return _number(value, target)
    if target == "thumb":
        return _thumb(value)
    if target in ("inputs", "metrics", "metadata") or _is_declared_otherwise(target, task):
        return _json(value, target)
    return value


def _is_declared_otherwise(target: str, task: Task) -> bool:
    """Tell a field whose schema asks for something else than text."""
    head, _, name = target.partition(".")
    if head not in ("inputs", "output", "corrected_output"):
        return False
    fields = declared(task.input_schema if head == "inputs" else task.output_schema)
    if not name:
        if len(fields) > 1:
            return True
        name = next(iter(fields), "")
    schema = fields.get(name) or {}
    return bool(schema.get("type", "string") != "string")


def _number(text: str, target: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unmappable(f"{target}: {text!r} is no number") from None


def _thumb(text: str) -> bool:
    try:
        return THUMBS[text.strip().lower()]
    except KeyError:
        raise Unmappable(f"thumb: {text!r} is none of {', '.join(THUMBS)}") from None


def _json(text: str, target: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Unmappable(f"{target}: not JSON: {error}") from None
