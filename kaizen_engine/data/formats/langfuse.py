"""Items of a Langfuse dataset: `input`, `expectedOutput`, `metadata`."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.data.formats.chat_messages import chat_row
from kaizen_engine.data.formats.reading import (
    Cells,
    Unreadable,
    as_object,
    as_value,
    is_chat,
    lone,
    row_of,
)

NAME = "Langfuse"
_EXPECTED = ("expectedOutput", "expected_output")
_OURS = frozenset({"datasetId", "datasetName", "sourceTraceId", "dataset_id", "source_trace_id"})


def fits(cells: Cells) -> bool:
    return "input" in cells and ("expectedOutput" in cells or bool(_OURS & set(cells)))


def read(cells: Cells) -> dict[str, Any]:
    if str(cells.get("status") or "").upper() == "ARCHIVED":
        raise Unreadable("the item is archived in Langfuse")
    asked = as_value(cells.get("input"))
    answer = as_value(next((cells[name] for name in _EXPECTED if name in cells), None))
    known = as_value(cells.get("metadata"))
    metadata = dict(known) if isinstance(known, Mapping) else {"metadata": known}
    if cells.get("id"):
        metadata["langfuse_id"] = cells["id"]
    if not is_chat(asked):
        return row_of(as_object(asked), answer, metadata)
    row = chat_row(asked, metadata)
    return row if answer is None else {**row, "expected": _content(answer)}


def _content(answer: Any) -> Any:
    """The answer to a chat is often kept as the message that it was."""
    if isinstance(answer, Mapping) and "role" in answer:
        return answer.get("content")
    return lone(answer)
