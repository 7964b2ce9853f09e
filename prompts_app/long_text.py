"""Stored text for a page: a beginning that fits, the rest on demand, and an end to that."""

from dataclasses import dataclass

FIRST = 700
MOST = 20_000


@dataclass(frozen=True)
class LongText:
    """`rest` is behind a fold; `left_out` characters are on no page."""

    head: str
    rest: str = ""
    left_out: int = 0

    def __str__(self) -> str:
        return self.head + self.rest


def cut_text(text: str, *, first: int = FIRST, most: int = MOST) -> LongText:
    if len(text) <= first:
        return LongText(text)
    return LongText(text[:first], text[first:most], max(0, len(text) - most))
