"""The rows of the prompt list: a bounded number of queries for a page, however many rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

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
from prompts_app.models import ClientSighting, PromptVersion, Tag
from prompts_app.score_rows import VersionScore, before_of, measured_versions, scores_by_version
from prompts_app.selectors import PRODUCTION
from tasks_app.models import Task

Kind = TypeVar("Kind", bound=Model)
OPEN = (ReviewState.DRAFT.value, ReviewState.IN_REVIEW.value)
POINTS = 12
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
    recent = _measured_lately(ids)
    scores = scores_by_version({*(pk for _, pk in recent), *(row["version_id"] for row in live)})
    by_task = {row["task_id"]: row for row in live}
    drafts, fetched = newest_drafts(ids), _fetched(ids, by_task)
    return [
        PromptRow(
            task=task,
            live=_live_of(by_task.get(task.pk), scores),
            trend=[scores[pk].after for owner, pk in recent if owner == task.pk and pk in scores],
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
    waiting = PromptVersion.objects.filter(_is_waiting(), task__in=list(task_ids))
    rows = waiting.values_list("task_id").annotate(newest=Max("number")).order_by()
    return dict(rows)


def _is_waiting() -> Q:
    live = Tag.objects.filter(task=OuterRef("task"), name=PRODUCTION).values("version__number")
    number = Coalesce(Subquery(live), 0, output_field=IntegerField())
    return Q(review_state__in=OPEN, number__gt=number)


def _live(ids: list[int]) -> list[dict[str, Any]]:
    tags = Tag.objects.filter(task__in=ids, name=PRODUCTION)
    named = {"number": F("version__number"), "public_id": F("version__public_id")}
    return list(tags.values("task_id", "version_id", "moved_at", **named))


def _live_of(row: dict[str, Any] | None, scores: dict[int, VersionScore]) -> Live | None:
    if row is None:
        return None
    own = scores.get(row["version_id"])
    if own:
        return Live(row["number"], row["moved_at"], own.after, own.gain)
    return Live(row["number"], row["moved_at"], before_of(row["public_id"], scores))


def _measured_lately(ids: list[int]) -> list[tuple[int, int]]:
    """Return task and version of the last POINTS measured versions of each, by number."""
    place = Window(RowNumber(), partition_by=F("task_id"), order_by=F("number").desc())
    rows = measured_versions().filter(task__in=ids).annotate(place=place).filter(place__lte=POINTS)
    return list(rows.order_by("task_id", "number").values_list("task_id", "pk"))


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
