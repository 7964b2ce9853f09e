"""Feedback events: cheap ids, a snapshot in the caller's thread, JSON in the sender's."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from typing import Any

from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._queue import Event

FIELDS = (
    *("event_id", "task", "inputs", "output", "score", "thumb", "comment"),
    *("corrected_output", "metrics", "metadata", "origin", "prompt_hash"),
)
MAX_EVENT_BYTES = 256 * 1024
_MAX_COMMENT_CHARS = 4000
_MARK = "… [truncated by kaizen-sdk]"
_ATOM_SIZE = 32
_REQUIRED = 4
_COMMENT = FIELDS.index("comment")
_COPIED = tuple(
    FIELDS.index(name) for name in ("inputs", "output", "corrected_output", "metrics", "metadata")
)
_ATOMS = frozenset({int, float, bool, type(None)})


class UnsendableEvent(Exception):
    """An event that cannot be delivered; `reason` is a key of the drop counters."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class EventIds:
    """Hands out 32 hex digits: 80 random bits for each process, then a decimal counter."""

    def __init__(self) -> None:
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._prefix = os.urandom(10).hex()
        self._count = itertools.count(10**11).__next__

    def __call__(self) -> str:
        return self._prefix + str(self._count())


def frozen(event: Event) -> tuple[Event, int]:
    """Return the event with its containers copied, and about how many bytes of memory it holds."""
    fields, total = list(event), 0
    for place in _COPIED:
        if fields[place] is not None:
            fields[place], size = snapshot(fields[place])
            total += size
    if fields[_COMMENT] is not None:
        total += 4 * len(fields[_COMMENT])
    return tuple(fields), total


def snapshot(value: Any) -> tuple[Any, int]:
    """Copy containers, so that later changes by the caller are not sent, and estimate the size.

    Returns the copy and about how many bytes of memory it holds. Values that are no JSON are kept
    as they are: the sender refuses them.
    """
    kind = type(value)
    if kind is dict:
        return _snapshot_dict(value)
    if kind is str:
        return value, _text_size(value)
    if kind in _ATOMS:
        return value, _ATOM_SIZE
    if isinstance(value, (list, tuple)):
        pairs = [snapshot(item) for item in value]
        return [copy for copy, _ in pairs], sum(size for _, size in pairs) + _ATOM_SIZE
    if isinstance(value, Mapping):
        return _snapshot_dict(dict(value))
    return value, _ATOM_SIZE


def _snapshot_dict(value: dict[Any, Any]) -> tuple[dict[Any, Any], int]:
    copy = value.copy()
    total = _ATOM_SIZE * (len(copy) + 1)
    for key, item in copy.items():
        if type(item) is str:
            total += len(item) if item.isascii() else 4 * len(item)
        elif type(item) not in _ATOMS:
            copy[key], size = snapshot(item)
            total += size
    return copy, total


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def document_of(event: Event) -> dict[str, Any]:
    """Return what is sent of an event: its required fields, and the others that were given."""
    pairs = enumerate(zip(FIELDS, event, strict=True))
    return {name: value for i, (name, value) in pairs if i < _REQUIRED or value is not None}


def encode_event(event: Mapping[str, Any]) -> bytes:
    """Return the event as JSON of at most MAX_EVENT_BYTES, or raise UnsendableEvent.

    Too large, it first gives up its metadata and the end of its comment. Inputs and outputs are
    never cut: half an example teaches the wrong thing.
    """
    encoded = _to_json(event)
    if len(encoded) > MAX_EVENT_BYTES:
        encoded = _to_json(_shortened(event))
    if len(encoded) > MAX_EVENT_BYTES:
        raise UnsendableEvent("too_large", f"more than {MAX_EVENT_BYTES} bytes")
    return encoded


def _shortened(event: Mapping[str, Any]) -> dict[str, Any]:
    shortened = dict(event)
    if "metadata" in event:
        shortened["metadata"] = {"kaizen_truncated": True}
    comment = event.get("comment")
    if isinstance(comment, str) and len(comment) > _MAX_COMMENT_CHARS:
        shortened["comment"] = comment[:_MAX_COMMENT_CHARS] + _MARK
    return shortened


def _to_json(event: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except Exception as error:  # foreign objects may raise anything while they are read
        raise UnsendableEvent("unserialisable", f"{type(error).__name__}: {error}") from error
