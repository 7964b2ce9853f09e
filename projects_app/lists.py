"""Lists of 25 rows. The query string is the state, and no list counts its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)

SIZE = 25
# An offset reads all rows before it: further back, a filter finds faster than a page number.
DEEPEST = 400


class Sliceable(Protocol[Row_co]):
    """A queryset, or any sequence."""

    def __getitem__(self, index: Any, /) -> Any: ...

    def __iter__(self) -> Iterator[Row_co]: ...


@dataclass(frozen=True)
class Shown(Generic[Row]):
    """One page of a list, numbered from 1."""

    rows: Sequence[Row]
    number: int
    has_more: bool

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def is_whole(self) -> bool:
        return self.number == 1 and not self.has_more

    @property
    def previous_number(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        return self.number + 1 if self.has_more and self.number < DEEPEST else None

    @property
    def is_deepest(self) -> bool:
        return self.has_more and self.number >= DEEPEST


def show(rows: Sliceable[Row], wanted: str | None) -> Shown[Row]:
    """Return the page that the query string asks for, the first where it asks for none.

    One row more than is shown tells whether there is a next page.
    """
    number = min(max(int(wanted), 1), DEEPEST) if wanted and wanted.isdecimal() else 1
    start = (number - 1) * SIZE
    found = list(rows[start : start + SIZE + 1])
    return Shown(found[:SIZE], number, len(found) > SIZE)
