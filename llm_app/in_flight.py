"""What a process owes if it is killed now: charged ahead, given back when its calls are settled."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kaizen_engine.llm.types import LostCall
from llm_app.models import LedgerEntry
from llm_app.writer import GroupCommitWriter

ROLE = "in_flight"


@dataclass(frozen=True)
class _Most:
    """So many calls at once, each at the most that any of them can be charged with."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def at_least(self, calls: int, call: LostCall) -> "_Most":
        return _Most(
            max(self.calls, calls),
            max(self.input_tokens, call.input_tokens),
            max(self.output_tokens, call.output_tokens),
            max(self.cost_usd, call.cost_usd),
        )

    def charges(self) -> dict[str, Any]:
        return {
            "input_tokens": self.calls * self.input_tokens,
            "output_tokens": self.calls * self.output_tokens,
            "cost_usd": self.calls * self.cost_usd,
        }


class InFlight:
    """Thread-safe. One row of the ledger covers all calls under way; who is killed leaves it.

    The row grows before a call may go out that it does not cover, and never shrinks until
    `settle`: a few writes a job, not one a call.
    """

    def __init__(self, writer: GroupCommitWriter, **about: Any) -> None:
        self._writer = writer
        self._about = {**about, "role": ROLE, "is_upper_bound": True}
        self._lock = threading.Lock()
        self._open = 0
        self._covered = _Most()
        self._row: int | None = None

    @contextmanager
    def call(self, most: LostCall) -> Iterator[None]:
        with self._lock:
            self._cover(self._covered.at_least(self._open + 1, most), model=most.model)
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def settle(self) -> None:
        """Give back what no call under way can cost any more; as a rule that is all of it."""
        with self._lock:
            if self._row is None:
                return
            if self._open:
                self._cover(replace(self._covered, calls=self._open))
            else:
                self._writer.call(LedgerEntry.objects.filter(pk=self._row).delete)
                self._covered, self._row = _Most(), None

    def _cover(self, most: _Most, **changes: Any) -> None:
        """Return once the row covers `most`, which later calls rely on without a write."""
        if most == self._covered:
            return
        changes |= most.charges()
        if self._row is None:
            entry = self._writer.call(lambda: LedgerEntry.objects.create(**self._about, **changes))
            self._row = entry.pk
        else:
            row = LedgerEntry.objects.filter(pk=self._row)
            self._writer.call(lambda: row.update(**changes))
        self._covered = most
