"""Which demonstrations came, went, moved or stayed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompts_app.long_text import LongText, cut_text

SIGNS: Mapping[str, str] = {"added": "+", "removed": "−", "moved": "↕", "kept": "="}


@dataclass(frozen=True)
class DemoLine:
    """One demonstration; `op` says what became of it."""

    op: str
    inputs: LongText
    outputs: LongText

    @property
    def sign(self) -> str:
        return SIGNS[self.op]


def demo_lines(before: Sequence[Any], after: Sequence[Any], *, is_first: bool) -> list[DemoLine]:
    """Return the demonstrations in their order, then those that are gone."""
    if is_first:
        return [_line("kept", demo) for demo in after]
    stayed = _stayed(before, after)
    gone = [_line("removed", demo) for demo in before if demo not in after]
    kept = [_line("kept" if demo in stayed else _op(demo, before), demo) for demo in after]
    return kept + gone


def _op(demo: Any, before: Sequence[Any]) -> str:
    return "moved" if demo in before else "added"


def _stayed(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """Return those of both lists that no other one overtook."""
    places = [before.index(demo) for demo in after if demo in before]
    return [
        before[place]
        for number, place in enumerate(places)
        if all(other < place for other in places[:number])
        and all(other > place for other in places[number + 1 :])
    ]


def _line(op: str, demo: Mapping[str, Any]) -> DemoLine:
    return DemoLine(op, cut_text(plain(demo["inputs"])), cut_text(plain(demo["outputs"])))


def plain(values: Any) -> str:
    """Spell a row's fields as lines of text; a single field needs no name."""
    if not isinstance(values, Mapping):
        return _text(values)
    if len(values) == 1:
        return _text(next(iter(values.values())))
    return "\n".join(f"{name}: {_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
