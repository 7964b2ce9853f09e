"""The admin's lists, which say how many rows they have only while that is quickly counted."""

from functools import cached_property

from django.core.paginator import Paginator

from projects_app.lists import DEEPEST, SIZE

MOST_COUNTED = DEEPEST * SIZE


class AtLeast(int):
    """A count that was broken off."""

    def __str__(self) -> str:
        return f"{int(self):d}+"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to the last page that lists show, and no further."""

    @cached_property
    def count(self) -> int:
        # The order would be looked up for nothing.
        rows = self.object_list.order_by()[: MOST_COUNTED + 1]  # type: ignore[attr-defined]
        found = rows.count()
        return AtLeast(MOST_COUNTED) if found > MOST_COUNTED else found
