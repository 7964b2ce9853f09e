"""The call journal: every paid answer, kept before anybody sees it, so that a restart is free."""

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from kaizen_engine.llm.types import CallRecord, ChatResponse, LostCall


class Journal(Protocol):
    """The answers of one job, by (role, request hash, occurrence); called from many threads."""

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None: ...

    def record(self, call: CallRecord) -> None:
        """Store one answer; return only when a crash can no longer lose it.

        May raise JobAbort when the job no longer belongs to this process.
        """
        ...

    def in_flight(self, most: LostCall) -> AbstractContextManager[None]:
        """Surround a call from before its first try until it is recorded.

        A process that is killed inside still owes for it; `most` is what one try can cost.
        """
        ...


class MemoryJournal:
    """A journal for evaluations that need no restart, and for tests."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, int], CallRecord] = {}
        self._lock = threading.Lock()

    @property
    def records(self) -> list[CallRecord]:
        with self._lock:
            return list(self._records.values())

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None:
        with self._lock:
            found = self._records.get((role, request_hash, occurrence))
        return found.response if found else None

    def record(self, call: CallRecord) -> None:
        with self._lock:
            self._records[(call.role, call.request_hash, call.occurrence)] = call

    def in_flight(self, most: LostCall) -> AbstractContextManager[None]:
        return nullcontext()
