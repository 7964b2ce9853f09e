"""A prompt's score from version to version: points, promotions, and where to draw them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor

from django.db.models import Q, QuerySet

from prompts_app.models import GateResult, PromptVersion
from prompts_app.score_rows import VersionScore, measured_versions, scores_by_version
from prompts_app.selectors import PRODUCTION, PROMOTION
from tasks_app.models import Task

MOST = 40
LEFT, RIGHT, TOP, BOTTOM = 100, 960, 28, 200
LABELS = 12


@dataclass(frozen=True)
class Move:
    at: datetime
    basis: str
    actor: str
    reason: str


@dataclass(frozen=True)
class TrendPoint:
    """A version with its score; `compared_in` names the version whose comparison it is from."""

    number: int
    made_at: datetime
    score: float
    gain: float | None
    compared_in: int | None
    moves: list[Move]
    is_live: bool


@dataclass(frozen=True)
class Mark:
    """A point as it is drawn; `label` stands below it where there is room."""

    point: TrendPoint
    x: str
    y: str
    label: str
    triangle: str


@dataclass(frozen=True)
class Trend:
    points: list[TrendPoint]
    marks: list[Mark]
    line: str
    grid: list[tuple[str, str]]
    width: int = RIGHT + 30
    height: int = BOTTOM + 56
    left: int = LEFT
    right: int = RIGHT
    foot: int = BOTTOM + 44

    @property
    def words(self) -> str:
        first, last = (
            f"{one.score:.1%} of v{one.number}" for one in (self.points[0], self.points[-1])
        )
        return f"Score by version, from {first} to {last}; the table below has each"


def score_trend(task: Task, live: PromptVersion | None) -> Trend | None:
    """Return the last MOST scores by version number, or nothing while none was measured."""
    points = _points(task, live)
    if not points:
        return None
    low, high = _bounds([point.score for point in points])
    marks = _marks(points, low, high)
    grid = [(_y(share, low, high), f"{share:.0%}") for share in (low, (low + high) / 2, high)]
    return Trend(points, marks, _line(marks), grid)


def _points(task: Task, live: PromptVersion | None) -> list[TrendPoint]:
    recent = measured_versions().filter(task=task).order_by("-number").values_list("pk", flat=True)
    scores = scores_by_version(recent[:MOST])
    named = {score.parent for score in scores.values() if score.parent}
    versions = list(_versions(task, scores, named))
    moves = _moves(version.pk for version in versions)
    numbers = {version.pk: version.number for version in versions}
    return [
        TrendPoint(
            number=version.number,
            made_at=version.created_at,
            score=score,
            gain=gain,
            compared_in=numbers.get(twin),
            moves=moves.get(version.pk, []),
            is_live=version == live,
        )
        for version in versions
        for score, gain, twin in [_figures(version, scores)]
    ]


def _versions(
    task: Task, scores: Mapping[int, VersionScore], named: set[str]
) -> QuerySet[PromptVersion]:
    """Return the scored versions and those they were compared with, the oldest first."""
    wanted = Q(pk__in=list(scores)) | Q(public_id__in=named)
    bare = PromptVersion.objects.only("id", "number", "public_id", "created_at")
    return bare.filter(wanted, task=task).order_by("number")


def _figures(
    version: PromptVersion, scores: Mapping[int, VersionScore]
) -> tuple[float, float | None, int]:
    """Return score, gain, and which version's comparison they are from, 0 for its own."""
    own = scores.get(version.pk)
    if own:
        return own.after, own.gain, 0
    twin = max(pk for pk, one in scores.items() if one.parent == str(version.public_id))
    return scores[twin].before, None, twin


def _moves(version_ids: Iterable[int]) -> dict[int, list[Move]]:
    rows = GateResult.objects.filter(version__in=list(version_ids), name=PROMOTION, tag=PRODUCTION)
    moves: dict[int, list[Move]] = {}
    for row in rows.order_by("id"):
        move = Move(row.created_at, row.get_basis_display(), row.actor, row.reason)
        moves.setdefault(row.version_id, []).append(move)
    return moves


def _bounds(scores: Sequence[float]) -> tuple[float, float]:
    """Return tenths around the scores, so that small gains are seen and the axis is round."""
    low, high = floor(min(scores) * 10) / 10, ceil(max(scores) * 10) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), max(0.1, low))


def _marks(points: Sequence[TrendPoint], low: float, high: float) -> list[Mark]:
    step = (RIGHT - LEFT) / max(1, len(points) - 1)
    every = ceil(len(points) / LABELS)
    return [
        Mark(
            point,
            f"{(x := LEFT + step * place):.1f}",
            (y := _y(point.score, low, high)),
            f"v{point.number}" if place % every == 0 or place == len(points) - 1 else "",
            _triangle(x, float(y)) if point.moves else "",
        )
        for place, point in enumerate(points)
    ]


def _line(marks: Sequence[Mark]) -> str:
    """Join what went live; a version that never did is a point beside the line."""
    return " ".join(f"{mark.x},{mark.y}" for mark in marks if mark.point.moves)


def _y(share: float, low: float, high: float) -> str:
    return f"{BOTTOM - (share - low) / (high - low) * (BOTTOM - TOP):.1f}"


def _triangle(x: float, y: float) -> str:
    """A small triangle above the point says that the version went live."""
    return f"{x - 6:.1f},{y - 18:.1f} {x + 6:.1f},{y - 18:.1f} {x:.1f},{y - 8:.1f}"
