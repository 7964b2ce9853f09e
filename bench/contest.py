"""Contenders measured in turn, round by round, so that a busy machine troubles all alike.

The first contender is the reference; one of the others should be the reference again (A/A), which
shows how much of a ratio is noise.
"""

import runpy
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEADER = (
    "| path | contender | ratio | lowest to highest | target | errors |\n|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Shot:
    """One measurement: a rate (more is better) or a time (less is better), in any unit."""

    value: float
    errors: int = 0


@dataclass(frozen=True)
class Contender:
    name: str
    measure: Callable[[], Shot]
    target: str = ""


@dataclass
class Contest:
    path: str
    contenders: Sequence[Contender]
    shots: dict[str, list[Shot]] = field(default_factory=dict)

    def run(self, rounds: int) -> "Contest":
        for _ in range(rounds):
            for contender in self.contenders:
                self.shots.setdefault(contender.name, []).append(contender.measure())
        return self

    def ratios(self, name: str) -> list[float]:
        """Return the ratio to the reference in each round."""
        reference = self.shots[self.contenders[0].name]
        pairs = zip(self.shots[name], reference, strict=True)
        return [shot.value / other.value for shot, other in pairs]

    def lines(self) -> list[str]:
        return [self._line(contender) for contender in self.contenders]

    def _line(self, contender: Contender) -> str:
        ratios = self.ratios(contender.name)
        errors = sum(shot.errors for shot in self.shots[contender.name])
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        middle = f"{statistics.median(ratios):.2f}"
        target = contender.target or "-"
        return f"| {self.path} | {contender.name} | {middle} | {spread} | {target} | {errors} |"


class Wrk:
    """Requests a second, or the median latency, as the `ab.py` driver measures them."""

    def __init__(self, driver: Path, folder: Path, seconds: int) -> None:
        self._shot = runpy.run_path(str(driver))["shot"]
        self._folder = folder
        self._seconds = seconds
        self.accepted = 0.0

    def rate(self, target: Mapping[str, Any], connections: int) -> Shot:
        result = self._measure(target, connections)
        return Shot(result["rps"] * target.get("items", 1), result["err"])

    def latency(self, target: Mapping[str, Any], connections: int) -> Shot:
        """Return the median in microseconds."""
        result = self._measure(target, connections)
        return Shot(result["p50"], result["err"])

    def _measure(self, target: Mapping[str, Any], connections: int) -> Mapping[str, Any]:
        self._shot(target, connections, 1, self._folder)
        result: Mapping[str, Any] = self._shot(target, connections, self._seconds, self._folder)
        self.accepted += result["rps"] * self._seconds * target.get("items", 1)
        return result
