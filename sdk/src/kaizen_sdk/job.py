"""An optimization job as the server last described it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Job:
    """`progress` runs from 0 to 100, metrics from 0 to 1; a metric is None until it is known."""

    id: str
    status: str = "queued"
    stop_reason: str | None = None
    verdict: str | None = None
    progress: float = 0.0
    current_best_metric: float | None = None
    baseline_metric: float | None = None
    spent: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Mapping[str, Any], ...] = ()
    estimate: Mapping[str, Any] | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in _ENDED

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], *, job_id: str = "") -> Job:
        """Read the server's object; unknown fields are ignored, missing ones keep defaults."""
        return cls(
            id=str(answer.get("job_id") or answer.get("id") or job_id),
            status=str(answer.get("status") or "queued"),
            stop_reason=answer.get("stop_reason"),
            verdict=answer.get("verdict"),
            progress=_number(answer.get("progress")) or 0.0,
            current_best_metric=_number(answer.get("current_best_metric")),
            baseline_metric=_number(answer.get("baseline_metric")),
            spent=_mapping(answer.get("spent")) or {},
            budget=_mapping(answer.get("budget")) or {},
            trials=tuple(t for t in _list(answer.get("trials")) if isinstance(t, dict)),
            estimate=_mapping(answer.get("estimate")),
        )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
