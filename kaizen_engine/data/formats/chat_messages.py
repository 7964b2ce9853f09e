"""Chats, as fine-tuning files have them: `messages`, or a preferred answer to them.

The last turn of a user is what is asked, the turn of the assistant after it the right answer; what
was said before stands in `conversation`, and the system message beside the row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kaizen_engine.data.formats.reading import Cells, Unreadable, as_value, is_chat, rest_of, row_of

NAME = "chat messages"
ASKING = frozenset({"user", "human"})
INSTRUCTING = frozenset({"system", "developer"})


def fits(cells: Cells) -> bool:
    return is_chat(as_value(cells.get("messages"))) or "preferred_output" in cells


def read(cells: Cells) -> dict[str, Any]:
    if "preferred_output" in cells:
        asked = as_value(cells.get("input")) or {}
        turns = asked.get("messages") if isinstance(asked, Mapping) else asked
        answer = as_value(cells["preferred_output"])
        used = ("input", "preferred_output", "non_preferred_output")
        return chat_row([*_turns(turns), *_turns(answer)], rest_of(cells, *used))
    return chat_row(_turns(as_value(cells.get("messages"))), rest_of(cells, "messages"))


def chat_row(turns: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a chat that may end with the right answer."""
    system = "\n".join(_text(turn) for turn in turns if turn.get("role") in INSTRUCTING)
    said = [turn for turn in turns if turn.get("role") not in INSTRUCTING]
    expected = _answer(said[-1]) if said and said[-1].get("role") == "assistant" else None
    asked = said[:-1] if expected is not None else said
    if not asked or asked[-1].get("role") not in ASKING:
        raise Unreadable("the chat has no message of a user right before its answer")
    inputs = {"message": _text(asked[-1])}
    if len(asked) > 1:
        before = (f"{turn.get('role')}: {_text(turn)}" for turn in asked[:-1])
        inputs["conversation"] = "\n".join(before)
    return row_of(inputs, expected, {**metadata, **({"system": system} if system else {})})


def _turns(value: Any) -> Sequence[Mapping[str, Any]]:
    if not is_chat(value):
        raise Unreadable("expected a list of messages, each with a role")
    turns: Sequence[Mapping[str, Any]] = value
    return turns


def _answer(turn: Mapping[str, Any]) -> str:
    if turn.get("tool_calls") or turn.get("function_call"):
        raise Unreadable("the answer calls a tool, and is no text to compare with")
    return _text(turn)


def _text(turn: Mapping[str, Any]) -> str:
    """Return the words of a turn; one that shows an image or a sound has no plain form."""
    content = turn.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [
        part.get("text")
        for part in parts
        if isinstance(part, Mapping) and part.get("type") in ("text", "input_text", "output_text")
    ]
    if len(texts) < len(parts) or not all(isinstance(text, str) for text in texts):
        raise Unreadable("a message holds something else than text")
    return "\n".join(str(text) for text in texts)
