"""The inbox: the newest feedback of a project, filtered, and how its scores are spread.

No question reads more than the newest 5,000 rows of the project or the prompt, so that it costs
the same however much was logged; `before` moves these rows back in time.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Count, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Floor, Least

from feedback_app.models import Feedback
from feedback_app.signals import versions_asked
from kaizen_engine.states import Split
from projects_app.exceptions import NotHere
from projects_app.models import Project
from tasks_app.models import Task

MOST_READ = 5_000
BUCKETS = 10
OPEN, TAKEN, EXAMPLE, DISMISSED, REDACTED = "open", "taken", "example", "dismissed", "redacted"


@dataclass(frozen=True)
class Wanted:
    """What is asked for; a field that is empty asks for nothing."""

    task: str = ""
    origin: str = ""
    thumb: str = ""
    state: str = ""
    version: str = ""
    text: str = ""
    low: float | None = None
    high: float | None = None
    before: date | None = None


@dataclass(frozen=True)
class Inbox:
    """`rows` are the newest first; `is_cut` where older rows were not looked at."""

    rows: QuerySet[Feedback]
    unscored: QuerySet[Feedback]
    is_cut: bool


@dataclass(frozen=True)
class Spread:
    """How many rows have a score in each tenth, and how many have only a thumb, or neither."""

    tenths: tuple[int, ...]
    up: int
    down: int
    silent: int

    @property
    def scored(self) -> int:
        return sum(self.tenths)


def inbox_of(project: Project, wanted: Wanted) -> Inbox:
    scope = _scope(project, wanted)
    oldest = list(scope.order_by("-id").values_list("id", flat=True)[MOST_READ - 1 : MOST_READ])
    newest = scope.filter(id__gte=oldest[0]) if oldest else scope
    rows = _narrowed(_stated(newest, wanted.state), wanted)
    if wanted.text:
        # Once for list and figures: reading every text is what a search costs.
        rows = Feedback.objects.filter(id__in=list(_with_words(rows, wanted.text)))
    rows = rows.order_by("-id")
    return Inbox(_scored(rows, wanted), rows, bool(oldest))


def spread_of(rows: QuerySet[Feedback]) -> Spread:
    """Count the rows by tenth of their score, whatever scores are asked for."""
    tenth = Least(Floor(F("score") * BUCKETS), Value(BUCKETS - 1.0))
    found = rows.order_by().annotate(tenth=tenth).values_list("tenth", "thumb")
    tenths: Counter[int] = Counter()
    thumbs: Counter[bool | None] = Counter()
    for place, thumb, count in found.annotate(rows=Count("id")):
        if place is None:
            thumbs[thumb] += count
        else:
            tenths[int(place)] += count
    counts = tuple(tenths[place] for place in range(BUCKETS))
    return Spread(counts, thumbs[True], thumbs[False], thumbs[None])


def feedback_by_public_id(project: Project, public_id: str) -> Feedback:
    """Return the project's feedback with task and example, or raise NotHere."""
    try:
        wanted = uuid.UUID(str(public_id))
    except ValueError:
        wanted = uuid.UUID(int=0)
    rows = Feedback.objects.select_related("task", "example__dataset")
    found = rows.filter(project=project, public_id=wanted).first()
    if found is None:
        raise NotHere("there is no such feedback here", code="unknown_feedback")
    return found


def feedback_chosen(project: Project, public_ids: Iterable[str]) -> list[Feedback]:
    """Return those of the project's rows that exist; other names are passed over."""
    wanted = set()
    for one in public_ids:
        try:
            wanted.add(uuid.UUID(one))
        except ValueError:
            continue
    rows = Feedback.objects.filter(project=project, public_id__in=wanted)
    return list(rows.select_related("task").order_by("id"))


def versions_of(rows: Sequence[Feedback]) -> dict[tuple[int, str], int]:
    """Return the numbers of the versions that gave the answers, by (task id, hash)."""
    hashes = {(row.task_id, row.prompt_hash) for row in rows if row.prompt_hash}
    heard: Any = versions_asked.send(sender=Feedback, hashes=hashes) if hashes else ()
    return {key: number for _, known in heard for key, number in (known or {}).items()}


def is_hold_out(row: Feedback) -> bool:
    """Whether the row is to prove something: nobody reads it before it has."""
    example = getattr(row, "example", None)
    return example is not None and example.split == Split.TEST.value


def _scope(project: Project, wanted: Wanted) -> QuerySet[Feedback]:
    rows = Feedback.objects.filter(project=project)
    if wanted.task:
        # The id, and no join: the index of the task's latest rows is in this order.
        task = Task.objects.filter(project=project, slug=wanted.task).values_list("pk", flat=True)
        rows = Feedback.objects.filter(task=task.first())
    if wanted.before:
        first = _first_on_or_after(wanted.before)
        rows = rows.filter(id__lt=first) if first else rows
    return rows


def _first_on_or_after(day: date) -> int | None:
    """Public ids begin with their time, and have an index; `created_at` has none."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    floor = uuid.UUID(int=max(0, int(start.timestamp() * 1000)) << 80)
    later = Feedback.objects.filter(public_id__gte=floor).order_by("public_id")
    return later.values_list("id", flat=True).first()


def _stated(rows: QuerySet[Feedback], state: str) -> QuerySet[Feedback]:
    if state == DISMISSED:
        return rows.filter(dismissed_at__isnull=False, redacted_at=None)
    if state == REDACTED:
        return rows.filter(redacted_at__isnull=False)
    rows = rows.filter(dismissed_at=None)
    if state == OPEN:
        return rows.filter(consumed_by=None, example=None)
    if state == TAKEN:
        return rows.filter(consumed_by__isnull=False)
    return rows.filter(example__isnull=False) if state == EXAMPLE else rows


def _narrowed(rows: QuerySet[Feedback], wanted: Wanted) -> QuerySet[Feedback]:
    if wanted.origin:
        rows = rows.filter(origin=wanted.origin)
    if wanted.thumb:
        rows = rows.filter(thumb={"up": True, "down": False}.get(wanted.thumb))
    return rows.filter(prompt_hash=wanted.version) if wanted.version else rows


def _scored(rows: QuerySet[Feedback], wanted: Wanted) -> QuerySet[Feedback]:
    if wanted.low is not None:
        rows = rows.filter(score__gte=wanted.low)
    return rows if wanted.high is None else rows.filter(score__lte=wanted.high)


def _with_words(rows: QuerySet[Feedback], text: str) -> Iterable[int]:
    """Search comment, inputs and outputs; what the hold-out says is not to be found out."""
    names = ("inputs", "output", "corrected_output")
    as_text: dict[str, Any] = {f"{name}_text": Cast(name, TextField()) for name in names}
    said = Q(comment__icontains=text) | Q(event_id=text)
    for name in as_text:
        for spelled in spellings(text):
            said |= Q(**{f"{name}__icontains": spelled})
    found = rows.alias(**as_text).filter(said).exclude(example__split=Split.TEST.value)
    return found.values_list("id", flat=True)


def spellings(text: str) -> set[str]:
    """Return the words as JSON may hold them: SQLite keeps what is not ASCII in either way."""
    return {json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}
