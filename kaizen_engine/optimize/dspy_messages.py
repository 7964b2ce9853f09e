"""Chat messages to lm15's canonical request and back, without changing a byte.

Media keep the address they came with, and text parts are never joined, so that
`from_lm15(to_lm15(messages)) == messages` for everything that the renderer makes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dspy.lm15 import AudioPart, Config, ImagePart, Message, Request, TextPart

_LONGEST_KEPT = 4000
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,")


def to_lm15(model: str, messages: Sequence[Mapping[str, Any]], config: Config) -> Request:
    """Return the request; a first system message becomes lm15's `system`."""
    system: str | tuple[Any, ...] | None = None
    rest = list(messages)
    if rest and rest[0]["role"] == "system":
        content = rest.pop(0)["content"]
        system = content if isinstance(content, str) else _parts(content)
    turns = tuple(_turn(turn["role"], turn["content"]) for turn in rest)
    return Request(model=model, messages=turns, system=system, config=config)


def from_lm15(request: Request) -> tuple[dict[str, Any], ...]:
    """Return the chat messages of a canonical request."""
    messages = [
        {"role": message.role, "content": _content(message.parts)} for message in request.messages
    ]
    if request.system is not None:
        system = request.system
        content = system if isinstance(system, str) else _content(system)
        messages.insert(0, {"role": "system", "content": content})
    return tuple(messages)


def _turn(role: Any, content: Any) -> Message:
    if isinstance(content, str) and len(content) <= _LONGEST_KEPT:
        return _text_turn(role, content)
    return Message(role=role, parts=_parts(content))


@lru_cache(maxsize=1024)
def _text_turn(role: Any, text: str) -> Message:
    """Return the same immutable turn for the demonstrations that every call of a candidate has."""
    return Message(role=role, parts=(TextPart(text),))


def with_inline_media(request: Request) -> Request:
    """Return the request with data URLs taken apart, for wires that take bytes another way."""
    turns = tuple(
        replace(turn, parts=tuple(_inline(part) for part in turn.parts))
        for turn in request.messages
    )
    return replace(request, messages=turns)


def _inline(part: Any) -> Any:
    url = getattr(part, "url", None) or ""
    found = _DATA_URL.match(url)
    if found is None:
        return part
    return type(part)(data=url[found.end() :], media_type=found[1])


def _parts(content: str | Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(_part(item) for item in content)


def _part(item: Mapping[str, Any]) -> Any:
    if item["type"] == "text":
        return TextPart(item["text"])
    kind = ImagePart if item["type"] == "image_url" else AudioPart
    return kind(url=item[item["type"]]["url"])


def _content(parts: Sequence[Any]) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return str(parts[0].text)
    return [_item(part) for part in parts]


def _item(part: Any) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    kind = "image_url" if isinstance(part, ImagePart) else "audio_url"
    return {"type": kind, kind: {"url": part.url}}
