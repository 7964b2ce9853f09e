"""What changed between two texts, in words; rapidfuzz, since difflib takes minutes on long ones."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from rapidfuzz.distance import Indel

MOST_WORDS = 50_000
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

Op = Literal["equal", "delete", "insert"]


@dataclass(frozen=True)
class DiffSpan:
    op: Op
    text: str


def diff_words(before: str, after: str) -> list[DiffSpan]:
    """Return spans that spell `before` without the inserts, and `after` without the deletes.

    Compares words, blanks and signs up to 50,000 of them in both texts together, beyond that
    lines, and beyond 50,000 lines replaces the whole: the memory needed grows with the square.
    """
    for tokens in (_WORDS.findall, _lines):
        old, new = tokens(before), tokens(after)
        if len(old) + len(new) <= MOST_WORDS:
            return _merged(_spans(old, new))
    return _merged([DiffSpan("delete", before), DiffSpan("insert", after)])


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
        for op in get_args(Op):
            text = "".join(span.text for span in changes if span.op == op)
            if text and same == (op == "equal"):
                merged.append(DiffSpan(op, text))
    return merged
