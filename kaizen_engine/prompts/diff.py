"""What changed between two texts, in words; rapidfuzz, since difflib takes minutes on long ones."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rapidfuzz.distance import Indel

MOST_WORDS = 50_000
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

Op = Literal["equal", "delete", "insert"]
SAME: tuple[Op, ...] = ("equal",)
CHANGES: tuple[Op, ...] = ("delete", "insert")
Unit = Literal["word", "line", "text"]


@dataclass(frozen=True)
class DiffSpan:
    op: Op
    text: str


@dataclass(frozen=True)
class Diff:
    """What changed; `unit` is the smallest thing that was compared."""

    spans: list[DiffSpan]
    unit: Unit


def diff_words(before: str, after: str) -> list[DiffSpan]:
    """Return spans that spell `before` without the inserts, and `after` without the deletes."""
    return diff_texts(before, after).spans


def diff_texts(before: str, after: str) -> Diff:
    """Compare words, blanks and signs up to 50,000 of them in both texts together, beyond that
    lines, and beyond 50,000 lines replace the whole: the memory needed grows with the square.
    """
    readers: tuple[tuple[Unit, Callable[[str], list[str]]], ...] = (
        ("word", _WORDS.findall),
        ("line", _lines),
    )
    for unit, tokens in readers:
        old, new = tokens(before), tokens(after)
        if len(old) + len(new) <= MOST_WORDS:
            return Diff(_merged(_spans(old, new)), unit)
    return Diff(_merged([DiffSpan("delete", before), DiffSpan("insert", after)]), "text")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _spans(old: list[str], new: list[str]) -> Iterable[DiffSpan]:
    numbers: dict[str, int] = {}
    coded = [[numbers.setdefault(token, len(numbers)) for token in side] for side in (old, new)]
    for change in Indel.opcodes(*coded):
        if change.tag == "insert":
            yield DiffSpan("insert", "".join(new[change.dest_start : change.dest_end]))
        else:
            op: Op = "equal" if change.tag == "equal" else "delete"
            yield DiffSpan(op, "".join(old[change.src_start : change.src_end]))


def _merged(spans: Iterable[DiffSpan]) -> list[DiffSpan]:
    """Join neighbours, and put what was deleted at one place before what was inserted there."""
    merged: list[DiffSpan] = []
    for same, run in groupby(spans, key=lambda span: span.op == "equal"):
        changes = list(run)
        for op in SAME if same else CHANGES:
            text = "".join([span.text for span in changes if span.op == op])
            if text:
                merged.append(DiffSpan(op, text))
    return merged
