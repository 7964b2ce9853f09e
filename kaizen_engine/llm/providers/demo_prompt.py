"""How the demo model reads a prompt: the messages alone, by the grammar of the output contract.

The grammar is documented in `kaizen_engine/prompts/render.py`; the last contract is the contract.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kaizen_engine.llm.types import Message

_LABELS = re.compile(r"^Answer with exactly one of: (.+)$", re.MULTILINE)
_NUMBER = re.compile(r"^Answer with one (integer|number) and nothing else\.$", re.MULTILINE)
_OBJECT = re.compile(r"^Answer with one JSON object and nothing else\. Its fields:$", re.MULTILINE)
_EXAMPLE = re.compile(
    r"<example>\n<input>(.*?)</input>\n<output>(.*?)</output>\n</example>", re.DOTALL
)
_ENDING = re.compile(r"\s*Write nothing else\.\s*$")
_ONE_OF = "one of "
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Field:
    """One wanted answer; `form` is label, integer, number, text, array or object.

    `labels` are the allowed answers as they are written, for the form `label`.
    """

    name: str
    form: str
    labels: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Contract:
    fields: tuple[Field, ...]
    is_json: bool = False


@dataclass(frozen=True)
class Prompt:
    instruction: str
    contract: Contract
    demos: tuple[tuple[str, str], ...]
    query: str


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """Take a chat apart; whatever is not understood is a request for free text."""
    turns = [(str(message.get("role", "")), text_of(message)) for message in messages]
    system = "\n\n".join(text for role, text in turns if role in ("system", "developer"))
    talk = [(role, text) for role, text in turns if role in ("user", "assistant")]
    query = next((text for role, text in reversed(talk) if role == "user"), "")
    if not system and len(talk) == 1:
        return _read_single(query)
    instruction, contract = split_contract(system)
    return Prompt(instruction, contract, _demos(talk), query)


def text_of(message: Message) -> str:
    """Return the text of a message; of content parts, the text parts alone."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = [part.get("text", "") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _demos(talk: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = zip(talk, talk[1:], strict=False)
    return tuple((a[1], b[1]) for a, b in pairs if (a[0], b[0]) == ("user", "assistant"))


def _read_single(text: str) -> Prompt:
    """Read the layout `user_only`: instruction, examples, input and contract in one message."""
    body, contract = split_contract(text)
    demos = tuple((found[1], found[2]) for found in _EXAMPLE.finditer(body))
    if not demos:
        instruction, _, query = body.rpartition("\n\n")
        return Prompt(instruction, contract, (), query or body)
    instruction = body[: body.index("<example>")]
    return Prompt(instruction, contract, demos, body.rpartition("</example>")[2].strip())


@lru_cache(maxsize=64)
def split_contract(text: str) -> tuple[str, Contract]:
    """Return the text before the last contract, and the contract."""
    found = [match for kind in (_LABELS, _NUMBER, _OBJECT) for match in kind.finditer(text)]
    if not found:
        return text, Contract((Field("", "text"),))
    last = max(found, key=lambda match: match.start())
    before = text[: last.start()].rstrip()
    if last.re is _OBJECT:
        return before, Contract(_object_fields(text[last.end() :]), is_json=True)
    if last.re is _NUMBER:
        return before, Contract((Field("", last[1]),))
    labels = _items(_ENDING.sub("", last[1]))
    return before, Contract((Field("", "label", labels),))


def _object_fields(text: str) -> tuple[Field, ...]:
    fields = []
    for line in text.strip().splitlines():
        field = _object_field(line)
        if field is None:
            break
        fields.append(field)
    return tuple(fields)


def _object_field(line: str) -> Field | None:
    try:
        name, end = _DECODER.raw_decode(line)
    except ValueError:
        return None
    form = line[end:].removeprefix(": ")
    if not isinstance(name, str) or form == line[end:]:
        return None
    if form.startswith(_ONE_OF):
        return Field(name, "label", _json_items(form[len(_ONE_OF) :]))
    if form.startswith("true or false"):
        return Field(name, "label", (True, False))
    kind = form.split(" ", 1)[0]
    return Field(name, kind if kind in ("integer", "number", "array", "object") else "text")


def _json_items(text: str) -> tuple[Any, ...]:
    """Read `"a", "b" - description`, where every item is a JSON value."""
    items, position = [], 0
    while True:
        try:
            item, position = _DECODER.raw_decode(text, position)
        except ValueError:
            break
        items.append(item)
        if not text.startswith(", ", position):
            break
        position += 2
    return tuple(items)


def _items(text: str) -> tuple[str, ...]:
    """Read `a, b, "c, d"`: bare labels, and JSON strings for those with a comma or a quote."""
    items: list[str] = []
    while text:
        if text.startswith('"'):
            try:
                item, end = _DECODER.raw_decode(text)
            except ValueError:
                item, end = text, len(text)
            text = text[end:].removeprefix(", ")
        else:
            item, _, text = text.partition(", ")
        items.append(str(item))
    return tuple(dict.fromkeys(items))
