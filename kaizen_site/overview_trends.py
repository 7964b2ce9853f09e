"""The score of what was live, prompt by prompt over 30 days, with the moments it changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from prompts_app.models import GateResult, PromptVersion, Tag
from prompts_app.prompt_rows import measured_lately
from prompts_app.score_rows import VersionScore, before_of, scores_by_version
from prompts_app.selectors import PRODUCTION, PROMOTION

DAYS = 30
WIDTH, HEIGHT, MARGIN = 240.0, 40.0, 6.0
# Two scores a point apart must not look like a leap.
SMALLEST_RANGE = 0.2
MOST_MOVES = 400


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    said: str


@dataclass(frozen=True)
class Strip:
    """`points` is a line of steps in a box of 240 by 40; `said` tells the same in words."""

    points: str
    marks: Sequence[Mark]
    said: str
    score: float
    gain: float


@dataclass(frozen=True)
class Moment:
    """From `at` on this version was live; a score of None is not known."""

    at: datetime
    number: int
    score: float | None
    is_move: bool


def strips_of(task_ids: Iterable[int], now: datetime) -> dict[int, Strip]:
    """Return a strip for each task whose live versions were measured."""
    ids = list(task_ids)
    since = now - timedelta(days=DAYS)
    moves = _moves(ids, since)
    live = _live(ids)
    named = {row["version_id"] for row in (*moves, *live)} | {row["replaced_id"] for row in moves}
    named |= set(measured_lately(ids))
    scores = scores_by_version(pk for pk in named if pk is not None)
    before = _before(named, scores)
    strips = {}
    for row in live:
        mine = [move for move in moves if move["version__task_id"] == row["task_id"]]
        moments = _moments(row, mine, scores, before, since)
        strip = _strip(moments, since, now)
        if strip:
            strips[row["task_id"]] = strip
    return strips


def _moves(ids: list[int], since: datetime) -> list[dict[str, Any]]:
    rows = GateResult.objects.filter(
        name=PROMOTION, tag=PRODUCTION, version__task__in=ids, created_at__gte=since
    ).order_by("-id")
    names = ("version__task_id", "version_id", "version__number", "created_at")
    found = rows.values(*names, "replaced_id", "replaced__number")[:MOST_MOVES]
    return [dict(row) for row in found][::-1]


def _live(ids: list[int]) -> list[dict[str, Any]]:
    tags = Tag.objects.filter(task__in=ids, name=PRODUCTION)
    return [dict(row) for row in tags.values("task_id", "version_id", "version__number")]


def _moments(
    live: dict[str, Any],
    moves: list[dict[str, Any]],
    scores: dict[int, VersionScore],
    before: dict[int, float],
    since: datetime,
) -> list[Moment]:
    """Begin with what was live 30 days ago; what was never measured itself, its drafts were."""
    if not moves:
        score = _own(scores, live["version_id"], before)
        return [Moment(since, live["version__number"], score, False)]
    replaced = {
        move["replaced_id"]: scores[move["version_id"]].before
        for move in reversed(moves)
        if move["version_id"] in scores
    }
    before = replaced | before
    first, moments = moves[0], []
    if first["replaced_id"]:
        score = _own(scores, first["replaced_id"], before)
        moments.append(Moment(since, first["replaced__number"], score, False))
    for move in moves:
        score = _own(scores, move["version_id"], before)
        moments.append(Moment(move["created_at"], move["version__number"], score, True))
    return moments


def _before(named: Iterable[int | None], scores: dict[int, VersionScore]) -> dict[int, float]:
    """Return what versions got where a later one was compared with them."""
    rows = PromptVersion.objects.filter(pk__in=[pk for pk in named if pk is not None])
    found = {pk: before_of(name, scores) for pk, name in rows.values_list("pk", "public_id")}
    return {pk: score for pk, score in found.items() if score is not None}


def _own(
    scores: dict[int, VersionScore], version_id: int, before: dict[int, float]
) -> float | None:
    found = scores.get(version_id)
    return found.after if found else before.get(version_id)


def _strip(moments: list[Moment], since: datetime, now: datetime) -> Strip | None:
    known = [(moment, moment.score) for moment in moments if moment.score is not None]
    if not known:
        return None
    shares = [score for _, score in known]
    low, high = _range(shares)
    whole = (now - since).total_seconds()

    def x(at: datetime) -> float:
        return MARGIN + (at - since).total_seconds() / whole * (WIDTH - 2 * MARGIN)

    def y(score: float) -> float:
        return HEIGHT - MARGIN - (score - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    corners: list[tuple[float, float]] = []
    for moment, score in known:
        if corners:
            corners.append((x(moment.at), corners[-1][1]))
        corners.append((x(moment.at), y(score)))
    corners.append((WIDTH - MARGIN, corners[-1][1]))
    return Strip(
        points=" ".join(f"{at:.1f},{height:.1f}" for at, height in corners),
        marks=[Mark(x(one.at), y(score), _said(one)) for one, score in known if one.is_move],
        said="; ".join(_said(one) for one, _ in known),
        score=shares[-1],
        gain=shares[-1] - shares[0],
    )


def _range(shares: list[float]) -> tuple[float, float]:
    low, high = min(shares), max(shares)
    missing = max(SMALLEST_RANGE - (high - low), 0.0) / 2
    return low - missing, high + missing


def _said(moment: Moment) -> str:
    share = f"{moment.score:.1%}" if moment.score is not None else _("not measured")
    if not moment.is_move:
        return _("version %(number)d %(share)s") % {"number": moment.number, "share": share}
    day = date_format(moment.at, "j M")
    return _("version %(number)d live since %(day)s, %(share)s") % {
        "number": moment.number,
        "day": day,
        "share": share,
    }
