"""OpenAI evals: `input` (a text or a chat) with `ideal`, or rows of a hosted eval under `item`."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.data.formats.chat_messages import chat_row
from kaizen_engine.data.formats.reading import Cells, as_object, as_value, is_chat, rest_of, row_of

NAME = "OpenAI evals"
# What a hosted eval calls its reference; any other name is left to whoever maps the columns.
REFERENCES = ("ideal", "expected", "expected_output", "reference_answer", "ground_truth", "label")


def fits(cells: Cells) -> bool:
    is_hosted = isinstance(as_value(cells.get("item")), Mapping)
    return is_hosted or ("ideal" in cells and "input" in cells)


def read(cells: Cells) -> dict[str, Any]:
    item = as_value(cells.get("item"))
    if not isinstance(item, Mapping):
        metadata = rest_of(cells, "input", "ideal")
        return _row(as_value(cells.get("input")), cells.get("ideal"), metadata)
    name = next((one for one in REFERENCES if one in item), "")
    rest = {key: value for key, value in item.items() if key != name}
    asked = rest["input"] if set(rest) == {"input"} else rest
    return _row(asked, item.get(name), rest_of(cells, "item", "sample"))


def _row(asked: Any, ideal: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    right = as_value(ideal)
    also = {}
    if isinstance(right, list):
        # Any of them counts as right; an example has one right answer.
        also = {"also_right": right[1:]} if len(right) > 1 else {}
        right = right[0] if right else None
    if not is_chat(asked):
        return row_of(as_object(asked), right, {**metadata, **also})
    row = chat_row(asked, {**metadata, **also})
    return row if right is None else {**row, "expected": right}
