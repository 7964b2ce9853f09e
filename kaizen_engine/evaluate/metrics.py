"""Deterministic metrics: a score in [0, 1] for an output against the expected one."""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Protocol

from kaizen_engine.errors import KaizenError


class Metric(Protocol):
    @property
    def name(self) -> str: ...

    def score(self, expected: Mapping[str, Any], output: Mapping[str, Any]) -> float:
        """Return the score in [0, 1] of one parsed output."""
        ...


class UnknownMetric(KaizenError):
    code = "unknown_metric"


class ExactMatch:
    """The share of the expected fields that are answered exactly.

    Text is compared without the blanks around it, numbers by value, a boolean never equals a
    number. Fields that nobody expects are ignored; nothing expected scores 0.
    """

    name = "exact_match"

    def score(self, expected: Mapping[str, Any], output: Mapping[str, Any]) -> float:
        if not expected:
            return 0.0
        hits = sum(_equal(value, output.get(field)) for field, value in expected.items())
        return hits / len(expected)


METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (ExactMatch(),)}


def metric_by_name(name: str) -> Metric:
    """Raises UnknownMetric."""
    if name not in METRICS:
        raise UnknownMetric(f"unknown metric {name!r}; known are {', '.join(METRICS)}")
    return METRICS[name]


def exact_match(expected: Mapping[str, Any], output: Mapping[str, Any]) -> float:
    return METRICS["exact_match"].score(expected, output)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return _plain(one) == _plain(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one is None and other is None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
