"""The rows of the prompt list: a bounded number of queries for a page, however many rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import (
    Exists,
    F,
    IntegerField,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

from kaizen_engine.states import ReviewState
from projects_app.models import Project
from prompts_app.models import ClientSighting, GateResult, PromptVersion, Tag
from prompts_app.score_rows import VersionScore, before_of, measured_versions, scores_by_version
from prompts_app.selectors import PRODUCTION, PROMOTION
from tasks_app.models import Task

Kind = TypeVar("Kind", bound=Model)
OPEN = (ReviewState.DRAFT.value, ReviewState.IN_REVIEW.value)
POINTS = 8
# Enough to find what a version that was never measured itself was compared with.
MEASURED = 3
BATCH = 200


@dataclass(frozen=True)
class Live:
    """`score` is its own, else what it got when a later version was compared with it."""

    number: int
    since: datetime
    score: float | None = None
    gain: float | None = None


@dataclass(frozen=True)
class Fetched:
    """When clients last got this prompt, and how many keys hold another version than the live."""

    at: datetime
    keys: int
    behind: int


@dataclass(frozen=True)
class PromptRow:
    task: Task
    live: Live | None
    trend: list[float]
    draft: int | None
    feedback: int
    fetched: Fetched | None


def prompt_list(project: Project, *, search: str = "", status: str = "") -> QuerySet[Task]:
    """Return the project's tasks by name; `status` is a key of STATUSES, else all."""
    tasks = Task.objects.filter(project=project, archived_at=None).select_related("counter")
    if search:
        tasks = tasks.filter(Q(slug__icontains=search) | Q(name__icontains=search))
    if status in _STATUSES:
        tasks = tasks.filter(_STATUSES[status])
    return tasks.order_by("slug")


def prompt_rows(tasks: Sequence[Task]) -> list[PromptRow]:
    ids = [task.pk for task in tasks]
    live = _live(ids)
    served, measured = _served_lately(ids), measured_lately(ids)
    by_task = {row["task_id"]: row for row in live}
    shown = {*(move.pk for move in served), *(row["version_id"] for row in live)}
    scores = scores_by_version(shown.union(measured))
    drafts, fetched = newest_drafts(ids), _fetched(ids, by_task)
    return [
        PromptRow(
            task=task,
            live=_live_of(by_task.get(task.pk), scores),
            trend=_trend(task, served, scores),
            draft=drafts.get(task.pk),
            feedback=_unconsumed(task),
            fetched=fetched.get(task.pk),
        )
        for task in tasks
    ]


def all_rows(tasks: QuerySet[Task]) -> Iterator[PromptRow]:
    """Return the rows of the whole list, for a file."""
    for batch in batches(tasks):
        yield from prompt_rows(batch)


def batches(rows: QuerySet[Kind]) -> Iterator[list[Kind]]:
    """Read a whole list piece by piece, so that a file of it needs little memory."""
    for start in count(0, BATCH):
        batch = list(rows[start : start + BATCH])
        yield batch
        if len(batch) < BATCH:
            return


def newest_drafts(task_ids: Iterable[int]) -> dict[int, int]:
    """Return the number of the newest undecided version of each task, if newer than the live."""
    ids = list(task_ids)
    live = Tag.objects.filter(task__in=ids, name=PRODUCTION)
    numbers = dict(live.values_list("task_id", "version__number"))
    undecided = PromptVersion.objects.filter(task__in=ids, review_state__in=OPEN)
    rows = undecided.values_list("task_id").annotate(newest=Max("number")).order_by()
    return {task_id: newest for task_id, newest in rows if newest > numbers.get(task_id, 0)}


def _is_waiting() -> Q:
    live = Tag.objects.filter(task=OuterRef("task"), name=PRODUCTION).values("version__number")
    number = Coalesce(Subquery(live), 0, output_field=IntegerField())
    return Q(review_state__in=OPEN, number__gt=number)


def _live(ids: list[int]) -> list[dict[str, Any]]:
    tags = Tag.objects.filter(task__in=ids, name=PRODUCTION)
    named = {"number": F("version__number"), "public_id": F("version__public_id")}
    return [dict(row) for row in tags.values("task_id", "version_id", "moved_at", **named)]


def _live_of(row: dict[str, Any] | None, scores: dict[int, VersionScore]) -> Live | None:
    if row is None:
        return None
    own = scores.get(row["version_id"])
    if own:
        return Live(row["number"], row["moved_at"], own.after, own.gain)
    return Live(row["number"], row["moved_at"], before_of(row["public_id"], scores))


class Served(NamedTuple):
    """A version that went live: its task, key and public id."""

    task_id: int
    pk: int
    public_id: UUID


def _served_lately(ids: list[int]) -> list[Served]:
    """Return what went live in each task, the last POINTS times, the oldest first."""
    moves = GateResult.objects.filter(version__task__in=ids, name=PROMOTION, tag=PRODUCTION)
    place = Window(RowNumber(), partition_by=F("version__task_id"), order_by=F("id").desc())
    rows = moves.annotate(place=place).filter(place__lte=POINTS).order_by("id")
    names = ("version__task_id", "version_id", "version__public_id")
    return [Served(*row) for row in rows.values_list(*names)]


def measured_lately(ids: list[int]) -> list[int]:
    """Return the last MEASURED measured versions of each task."""
    place = Window(RowNumber(), partition_by=F("task_id"), order_by=F("number").desc())
    rows = measured_versions().filter(task__in=ids).annotate(place=place)
    rows = rows.filter(place__lte=MEASURED)
    return list(rows.values_list("pk", flat=True))


def _trend(task: Task, served: list[Served], scores: dict[int, VersionScore]) -> list[float]:
    """Return the score of each version in the order in which they went live, where known."""
    own = [move for move in served if move.task_id == task.pk]
    found = (_score_of(move.pk, move.public_id, scores) for move in own)
    return [score for score in found if score is not None]


def _score_of(pk: int, public_id: UUID, scores: dict[int, VersionScore]) -> float | None:
    return scores[pk].after if pk in scores else before_of(public_id, scores)


def _fetched(ids: list[int], live: dict[int, dict[str, Any]]) -> dict[int, Fetched]:
    seen = ClientSighting.objects.filter(task__in=ids, tag=PRODUCTION, api_key__revoked_at=None)
    rows = seen.order_by().values_list("task_id", "version_id", "seen_at")
    by_task: dict[int, list[tuple[int, datetime]]] = {}
    for task_id, version_id, seen_at in rows:
        by_task.setdefault(task_id, []).append((version_id, seen_at))
    return {
        task_id: Fetched(
            at=max(seen_at for _, seen_at in found),
            keys=len(found),
            behind=sum(version != live.get(task_id, {}).get("version_id") for version, _ in found),
        )
        for task_id, found in by_task.items()
    }


def _unconsumed(task: Task) -> int:
    counter = getattr(task, "counter", None)
    return counter.unconsumed if counter else 0


def _tag_of_task() -> QuerySet[Tag]:
    return Tag.objects.filter(task=OuterRef("pk"), name=PRODUCTION)


_STATUSES = {
    "live": Q(Exists(_tag_of_task())),
    "setup": ~Q(Exists(_tag_of_task())),
    "waiting": Q(Exists(PromptVersion.objects.filter(_is_waiting(), task=OuterRef("pk")))),
    "behind": Q(
        Exists(
            ClientSighting.objects.filter(
                task=OuterRef("pk"), tag=PRODUCTION, api_key__revoked_at=None
            ).exclude(version__tags__name=PRODUCTION)
        )
    ),
}
STATUSES = tuple(_STATUSES)
