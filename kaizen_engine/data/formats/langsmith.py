"""Examples of a LangSmith dataset: `inputs`, `outputs`, `metadata` with its `dataset_split`."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.data.formats.chat_messages import chat_row
from kaizen_engine.data.formats.reading import Cells, as_object, as_value, is_chat, lone, row_of

NAME = "LangSmith"
_SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}


def fits(cells: Cells) -> bool:
    given, right = as_value(cells.get("inputs")), as_value(cells.get("outputs"))
    return isinstance(given, Mapping) and (right is None or isinstance(right, Mapping))


def read(cells: Cells) -> dict[str, Any]:
    given = as_value(cells.get("inputs"))
    right = as_value(cells.get("outputs")) or None
    known = as_value(cells.get("metadata"))
    metadata = dict(known) if isinstance(known, Mapping) else {}
    split = _split(cells.get("split") or metadata.pop("dataset_split", None))
    others = ("id", "conversation_id", "thread_id", "session_id", "user_id", "user")
    metadata |= {name: cells[name] for name in others if cells.get(name)}
    turns = lone(given)
    if is_chat(turns):
        row = chat_row(turns, metadata)
        if right:
            row["expected"] = _said(right)
    else:
        row = row_of(as_object(given), right, metadata)
    return {**row, "split": split} if split else row


def _said(right: Any) -> Any:
    """Return the words of the message that an output holds."""
    answer = lone(right)
    last = answer[-1] if is_chat(answer) else answer
    return last.get("content", last) if isinstance(last, Mapping) else last


def _split(word: Any) -> str:
    """A split of the user's own naming is no split of ours."""
    first = word[0] if isinstance(word, list) and word else word
    return _SPLITS.get(str(first or "").casefold(), "")
