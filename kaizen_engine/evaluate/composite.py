"""Several evaluators as one: a weighted sum, cheap tiers first, hard checks before judges."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Evaluated, Evaluator, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import storable

COMPOSITE = "composite"
_LONGEST_REASON = 2_000
_MOST_PARTS = 20
_PLACE_SETTINGS = frozenset({"name", "weight", "hard", "at_least"})


@dataclass(frozen=True)
class Single:
    """One evaluator, kept within its bounds."""

    name: str
    tier: Tier
    needs: Needs
    score: Score
    is_heavy: bool = False

    @property
    def is_light(self) -> bool:
        """Say whether it can be asked at once, by a web process too: no model, no large library."""
        return self.tier < Tier.EMBEDDING and not self.is_heavy

    def evaluate(self, case: Case) -> Evaluated:
        mark = self.mark(case)
        votes = {self.name: mark.votes} if mark.votes else {}
        return Evaluated(mark.score, {self.name: mark.score}, _reasons(self.name, mark), votes)

    def mark(self, case: Case) -> Mark:
        """Return the mark with a score in [0, 1]; one that is no number is a 0 with the reason."""
        mark = self.score(case)
        if not math.isfinite(mark.score):
            return Mark(0.0, "the score was not a number", mark.votes)
        return Mark(min(1.0, max(0.0, float(mark.score))), mark.reason, mark.votes)


def singles(evaluator: Evaluator) -> tuple[Single, ...]:
    """Return the evaluators that do the work, in the order in which they are asked."""
    if isinstance(evaluator, Single):
        return (evaluator,)
    if isinstance(evaluator, Composite):
        return tuple(part.single for part in evaluator.in_order)
    return ()


@dataclass(frozen=True)
class Place:
    """Where a part stands: its weight in the sum, and the least a hard check must score."""

    name: str
    weight: float
    least: float | None
    spec: dict[str, Any]
    path: str


@dataclass(frozen=True)
class Part:
    place: Place
    single: Single

    @property
    def order(self) -> tuple[int, bool]:
        return self.single.tier, self.place.least is None


@dataclass(frozen=True)
class Composite:
    parts: tuple[Part, ...]

    @property
    def tier(self) -> Tier:
        return max(part.single.tier for part in self.parts)

    @property
    def needs(self) -> Needs:
        """A row must have what its most demanding part needs."""
        wanted = {part.single.needs for part in self.parts}
        ranked = (Needs.EXPECTED, Needs.EXPECTED_OR_RATED)
        return next((need for need in ranked if need in wanted), Needs.NOTHING)

    @property
    def in_order(self) -> list[Part]:
        return sorted(self.parts, key=lambda part: part.order)

    def evaluate(self, case: Case) -> Evaluated:
        """Score part by part; a hard check that fails makes the whole 0 and ends it there."""
        marks: dict[str, Mark] = {}
        has_failed = False
        for part in self.in_order:
            mark = part.single.mark(case)
            marks[part.place.name] = mark
            if part.place.least is not None and mark.score < part.place.least - 1e-9:
                has_failed = True
                break
        score = 0.0 if has_failed else self._sum(marks)
        return Evaluated(
            score=score,
            parts={name: mark.score for name, mark in marks.items()},
            reasons={
                name: why for name, mark in marks.items() for why in _reasons(name, mark).values()
            },
            votes={name: mark.votes for name, mark in marks.items() if mark.votes},
            failed_hard=has_failed,
        )

    def _sum(self, marks: Mapping[str, Mark]) -> float:
        total = math.fsum(part.place.weight * marks[part.place.name].score for part in self.parts)
        return min(1.0, max(0.0, total))


def read_parts(options: Options, problems: dict[str, str]) -> list[Place]:
    """Read `parts`: each an evaluator with a weight, or a hard check, or both."""
    found = options.parts("parts", most=_MOST_PARTS)
    places = [_place(spec, problems, f"parts[{number}]") for number, spec in enumerate(found)]
    names = [place.name for place in places]
    for place in places:
        if names.count(place.name) > 1:
            problems.setdefault(f"{place.path}.name", f"two parts are called {place.name!r}")
    total = math.fsum(place.weight for place in places)
    if places and not problems and not math.isclose(total, 1, abs_tol=1e-6):
        problems["parts"] = f"the weights sum to {total:g}, and must sum to 1"
    return places


def _place(spec: Mapping[str, Any], problems: dict[str, str], path: str) -> Place:
    options = Options(spec, problems, path)
    is_hard = options.flag("hard", False)
    least = options.number("at_least", 1.0, low=0, high=1) if is_hard else None
    if not is_hard and options.has("at_least"):
        options.reject("at_least", "belongs to a hard check")
    weight = options.number("weight", 0.0 if is_hard else None, low=0, high=1)
    if not is_hard and weight == 0:
        options.reject("weight", "must be above 0 where the part is no hard check")
    name = options.text("name", str(spec.get("kind") or "part"))
    own = {key: value for key, value in spec.items() if key not in _PLACE_SETTINGS}
    return Place(name, weight, least, own, path)


def _reasons(name: str, mark: Mark) -> dict[str, str]:
    return {name: storable(mark.reason)[:_LONGEST_REASON]} if mark.reason else {}
