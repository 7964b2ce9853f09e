"""One thread with one database connection that commits the work of many threads in groups.

An optimizer's threads come and go by the dozen; were each to touch the ORM, each would leave a
connection behind. They hand small functions to this writer instead and wait for the commit. While
one group commits the next one gathers, so that a commit costs the same for one thread or thirty.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)

from kaizen_engine.errors import KaizenError, StoreUnavailable

logger = logging.getLogger(__name__)

LARGEST_GROUP = 256
# Together long enough for a database server to restart.
PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 4.0)
PASSING = (OperationalError, InterfaceError)

T = TypeVar("T")
Guard = Callable[[], bool]
Store = Callable[[Sequence[Any]], None]


class LostLease(KaizenError):
    """This process no longer owns what it works on; whoever owns it now does the writing."""

    code = "lost_lease"


@dataclass(eq=False)
class _Work:
    run: Callable[[], Any]
    is_guarded: bool = False
    store: Store | None = None
    item: Any = None
    future: "Future[Any]" = field(default_factory=Future)


@dataclass(frozen=True)
class _Outcome:
    work: _Work
    value: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.error is None:
            self.work.future.set_result(self.value)
        else:
            self.work.future.set_exception(self.error)


class GroupCommitWriter:
    """Use as a context manager. `guard` runs in the writer's thread, inside each transaction that
    has guarded work, before that work; returning False or raising LostLease means that the lease
    is gone: guarded work fails with LostLease from then on and `lost` is set.

    Work must touch nothing but the database, since a group is run anew when the database fails.
    When it goes on failing, who waits gets StoreUnavailable.
    """

    def __init__(self, guard: Guard | None = None, *, using: str = DEFAULT_DB_ALIAS) -> None:
        self.lost = threading.Event()
        self._guard = guard
        self._using = using
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="group-commit", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, run: Callable[[], T], *, guarded: bool = False) -> "Future[T]":
        """Queue `run`; its future is done only after the commit, with its result or its error."""
        return self._put(_Work(run, guarded))

    def call(self, run: Callable[[], T], *, guarded: bool = False) -> T:
        """Return what `run` returned, after the commit."""
        return self.submit(run, guarded=guarded).result()

    def add(self, store: Store, item: Any) -> None:
        """Return after the commit of `item`, which `store` was given with all others of its group:
        a statement then costs the same for one or thirty."""
        self._put(_Work(lambda: store([item]), store=store, item=item)).result()

    def _put(self, work: _Work) -> "Future[Any]":
        with self._lock:
            if self._is_closed:
                message = "the writer is closed"
                raise RuntimeError(message)
            self._queue.put(work)
        return work.future

    def close(self) -> None:
        """Commit what is queued, close the connection and end the thread."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            while group := self._gather():
                for outcome in self._commit(group):
                    outcome.tell()
        finally:
            connections.close_all()

    def _gather(self) -> list[_Work]:
        """Wait for the first piece of work and take all that queued up; empty means the end."""
        group: list[_Work] = []
        item = self._queue.get()
        while item is not None:
            if item.future.set_running_or_notify_cancel():
                group.append(item)
            if group and (len(group) == LARGEST_GROUP or self._queue.empty()):
                return group
            item = self._queue.get()
        if group:
            self._queue.put(None)
        return group

    def _commit(self, group: Sequence[_Work]) -> list[_Outcome]:
        """Run a group until the database takes it; alone, at last, so that none spoils the rest."""
        for pause_s in PAUSES_S:
            try:
                return self._transact(group)
            except PASSING as error:
                logger.warning("a group of %d writes failed: %s", len(group), error)
                connections[self._using].close()
                time.sleep(pause_s)
            except BaseException as error:
                return [_Outcome(work, error=error) for work in group]
        return [self._last_try(work) for work in group]

    def _last_try(self, work: _Work) -> _Outcome:
        try:
            return self._transact([work])[0]
        except PASSING as error:
            unavailable = StoreUnavailable(f"the database cannot be reached: {error}")
            unavailable.__cause__ = error
            return _Outcome(work, error=unavailable)
        except BaseException as error:
            return _Outcome(work, error=error)

    def _transact(self, group: Sequence[_Work]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        committed = threading.Event()
        try:
            with transaction.atomic(using=self._using, durable=True):
                transaction.on_commit(committed.set, using=self._using)
                is_held = self._is_held(group)
                outcomes = self._attempt_all(group, is_held=is_held)
        except Exception:
            if not committed.is_set():
                raise
            # The writes are safe; what failed is somebody's on_commit hook.
            logger.exception("a hook failed after its commit")
        return outcomes

    def _is_held(self, group: Sequence[_Work]) -> bool:
        if self._guard is None or not any(work.is_guarded for work in group):
            return True
        try:
            is_held = not self.lost.is_set() and self._guard()
        except LostLease:
            is_held = False
        if not is_held:
            self.lost.set()
        return is_held

    def _attempt_all(self, group: Sequence[_Work], *, is_held: bool) -> list[_Outcome]:
        batches: dict[Store, list[_Work]] = {}
        outcomes = []
        for work in group:
            if work.store is None:
                outcomes.append(self._attempt(work, is_held=is_held))
            else:
                batches.setdefault(work.store, []).append(work)
        for store, works in batches.items():
            outcomes += self._attempt_together(store, works)
        return outcomes

    def _attempt_together(self, store: Store, works: Sequence[_Work]) -> list[_Outcome]:
        try:
            with transaction.atomic(using=self._using):
                store([work.item for work in works])
        except PASSING:
            raise
        except Exception:
            # One of them is at fault; alone, it spoils no other.
            return [self._attempt(work, is_held=True) for work in works]
        return [_Outcome(work) for work in works]

    def _attempt(self, work: _Work, *, is_held: bool) -> _Outcome:
        if work.is_guarded and not is_held:
            return _Outcome(work, error=LostLease("the lease was lost; nothing was written"))
        try:
            with transaction.atomic(using=self._using):
                return _Outcome(work, value=work.run())
        except PASSING:
            raise
        except BaseException as error:
            # A JobAbort is for whoever waits; here it would end the thread and leave all waiting.
            return _Outcome(work, error=error)
