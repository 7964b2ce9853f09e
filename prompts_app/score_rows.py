"""Scores of many versions at once: the means alone, read out of the evidence by the database.

The same figures as `review_page.score_of`, without loading what stands around them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from kaizen_engine.states import Verdict
from prompts_app.models import PromptVersion, VersionEvidence

PARTS = ("holdout", "dev")
SIDES = ("before", "after")


@dataclass(frozen=True)
class VersionScore:
    """Shares of 1, on the same rows: of `parent` (a public id), and its own."""

    before: float
    after: float
    parent: str = ""

    @property
    def gain(self) -> float:
        return self.after - self.before


def scores_by_version(version_ids: Iterable[int]) -> dict[int, VersionScore]:
    """Return the deciding score of each version that has one; what was found last counts."""
    wanted = list(version_ids)
    own = PromptVersion.objects.filter(pk__in=wanted)
    later = VersionEvidence.objects.filter(version__in=wanted).order_by("id")
    rows = [*_means(own, "pk", "evidence"), *_means(later, "version_id", "summary")]
    latest = {row["owner"]: _score(row) for row in rows}
    return {pk: score for pk, score in latest.items() if score}


def before_of(public_id: UUID, scores: Mapping[int, VersionScore]) -> float | None:
    """Return what this version got where the latest of `scores` was compared with it."""
    name = str(public_id)
    found = [pk for pk, score in scores.items() if score.parent == name]
    return scores[max(found)].before if found else None


def measured_versions() -> QuerySet[PromptVersion]:
    """Return the versions that were measured, when they were made or later."""
    later = VersionEvidence.objects.filter(version=OuterRef("pk"))
    return PromptVersion.objects.filter(~Q(verdict=Verdict.NONE.value) | Exists(later))


def _means(rows: QuerySet[Any], key: str, place: str) -> Iterable[dict[str, Any]]:
    paths = {f"{part}_{side}": F(f"{place}__{part}__{side}__mean") for part, side in _sides()}
    return rows.values(owner=F(key), against=F(f"{place}__parent"), **paths)


def _score(row: Mapping[str, Any]) -> VersionScore | None:
    for part in PARTS:
        before, after = (row[f"{part}_{side}"] for side in SIDES)
        if before is not None and after is not None:
            return VersionScore(float(before), float(after), str(row["against"] or ""))
    return None


def _sides() -> list[tuple[str, str]]:
    return [(part, side) for part in PARTS for side in SIDES]
