"""What a reader of another tool's rows gives: inputs, the right answer, what else is known.

A reader is a module with NAME, `fits(cells)` for a row of the file, and `read(cells)`, which
returns the row in our words: `inputs` (an object), `expected`, `metadata`, `split`; what the row
does not say is left out. It raises Unreadable with a sentence for a row that is no example.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Cells = Mapping[str, Any]
# What data sets call the text that is asked about where it has no name of its own.
LONE_INPUT = "input"


class Unreadable(ValueError):
    """The row is of this format and is no example; the message says why."""


class Reader(Protocol):
    NAME: str

    def fits(self, cells: Cells) -> bool: ...

    def read(self, cells: Cells) -> dict[str, Any]: ...


def as_value(cell: Any) -> Any:
    """Return what the text of a CSV holds where it is an object or a list."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def as_object(value: Any, name: str = LONE_INPUT) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {name: value}


def lone(value: Any) -> Any:
    """Return the value of an object that holds only one, which is how tools wrap an answer."""
    return next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else value


def rest_of(cells: Cells, *used: str) -> dict[str, Any]:
    return {name: cell for name, cell in cells.items() if name not in used and _says(cell)}


def row_of(inputs: Mapping[str, Any], expected: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row without the parts that say nothing."""
    parts = {"inputs": dict(inputs), "expected": expected, "metadata": dict(metadata)}
    return {name: part for name, part in parts.items() if _says(part)}


def is_chat(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(turn, Mapping) and "role" in turn for turn in value)
    )


def _says(cell: Any) -> bool:
    return cell is not None and cell != "" and cell != {}
