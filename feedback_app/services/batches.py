"""Short transactions, so that feedback can be logged while something long is prepared."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from django.db import transaction

BATCH = 1000

Guard = Callable[[], None]
T = TypeVar("T")


def nobody_else() -> None:
    """Trust that no other process does the same."""


@contextmanager
def writing(guard: Guard) -> Iterator[None]:
    """Write after `guard`, which raises where somebody else has taken over."""
    with transaction.atomic():
        guard()
        yield


def batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
