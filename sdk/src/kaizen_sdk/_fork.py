"""Threads, locks and sockets do not survive a fork: their owners start afresh in the child."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class ForkAware(Protocol):
    def reset_after_fork(self) -> None: ...


_OWNERS: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def reset_in_children(owner: ForkAware) -> None:
    _OWNERS.add(owner)


def _reset_all() -> None:
    for owner in list(_OWNERS):
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
