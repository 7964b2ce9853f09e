"""Reading feedback facts without counting rows."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Case, Count, F, Q, QuerySet, Value, When

from feedback_app.models import Dataset, Example, Feedback, FileImport, TaskCounter
from kaizen_engine.states import Origin, Split
from projects_app.exceptions import NotHere
from projects_app.models import Project
from tasks_app.models import Task

FEEDBACK_IMPORT = "feedback import"
BAD_SCORE = 0.4


def tasks_over_threshold(now: datetime) -> list[int]:
    """Return tasks that are due: enough feedback no job took, and no cool-down under way."""
    due = TaskCounter.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now),
        unconsumed__gte=F("task__threshold"),
        task__auto_trigger=True,
        task__archived_at=None,
    )
    return list(due.order_by("task_id").values_list("task_id", flat=True))


def is_labelled(good_score: float) -> Q:
    """Match feedback that says what the right answer is: corrected, or answered well."""
    is_good = Q(score__gte=good_score) | Q(score=None, thumb=True)
    told = Q(corrected_output__isnull=False) | Q(is_good, output__isnull=False)
    return Q(told, dismissed_at=None)


def is_lesson() -> Q:
    """Match answers that people found bad, with what they said of them."""
    is_bad = Q(score__lte=BAD_SCORE) | Q(score=None, thumb=False)
    is_bad &= Q(output__isnull=False, corrected_output__isnull=True, dismissed_at=None)
    return is_bad & ~Q(comment="")


def is_unjudged() -> Q:
    """Match random calls that nobody has judged yet: no job takes them, a person may review them.

    SQL NULL is meant throughout; `corrected_output=None` would ask for JSON's null.
    """
    is_open = Q(score=None, thumb=None, corrected_output__isnull=True, dismissed_at=None)
    return Q(is_open, output__isnull=False, origin=Origin.RANDOM.value)


def feedback_to_review(task: Task) -> QuerySet[Feedback]:
    """Return the random calls that nobody has judged yet, the oldest first."""
    return Feedback.objects.filter(is_unjudged(), task=task).order_by("id")


def feedback_without_example(task: Task) -> dict[str, int]:
    """Count the feedback that teaches nothing yet, by the reason."""
    mine = Feedback.objects.filter(task=task)
    rows = mine.filter(example=None, dismissed_at=None)
    says_nothing = ~(is_labelled(task.good_score) | is_lesson() | is_unjudged())
    counts = {
        "unjudged": rows.filter(is_unjudged()).count(),
        "silent": rows.filter(says_nothing, consumed_by__isnull=False).count(),
        "dismissed": mine.filter(dismissed_at__isnull=False).count(),
    }
    return {reason: count for reason, count in counts.items() if count}


def examples_known(task: Task) -> QuerySet[Example]:
    """Return the task's examples but dismissed ones; those of a dataset once it is complete."""
    is_whole = Q(dataset=None) | Q(feedback__isnull=False) | Q(dataset__frozen_at__isnull=False)
    return (
        Example.objects.filter(is_whole, task=task, dismissed_at=None)
        .select_related("dataset")
        .order_by("id")
    )


def dataset_of(task: Task, public_id: str) -> Dataset:
    """Return the task's complete dataset, or raise NotHere with the code `unknown_dataset`."""
    frozen = Dataset.objects.filter(task=task, frozen_at__isnull=False)
    found = frozen.filter(public_id=public_id).first()
    if found is None:
        raise NotHere("there is no such dataset for this prompt", code="unknown_dataset")
    return found


def dataset_list(
    project: Project | int, *, before: Dataset | None = None, limit: int = 0
) -> QuerySet[Dataset]:
    """Return the project's datasets, the newest first; `before` is the last one already read.

    Without a limit they are for the caller to narrow.
    """
    datasets = _datasets(project)
    if before is not None:
        datasets = datasets.filter(pk__lt=before.pk)
    datasets = datasets.order_by("-pk")
    return datasets[:limit] if limit else datasets


def dataset_by_public_id(project: Project | int, public_id: uuid.UUID | str) -> Dataset:
    """Return the project's dataset, or raise NotHere with the code `unknown_dataset`."""
    try:
        found = _datasets(project).filter(public_id=uuid.UUID(str(public_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotHere("there is no such dataset here", code="unknown_dataset")
    return found


def import_by_public_id(project: Project | int, public_id: uuid.UUID | str) -> FileImport:
    """Return the file that somebody of the project is importing, or raise NotHere."""
    project_id = project if isinstance(project, int) else project.pk
    imports = FileImport.objects.select_related("task__project", "dataset")
    try:
        found = imports.filter(project=project_id, public_id=uuid.UUID(str(public_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotHere("there is no such import here", code="unknown_import")
    return found


def dataset_splits(datasets: Iterable[Dataset]) -> dict[int, dict[str, int]]:
    """Count the rows of each dataset by split; the empty split is not dealt out yet."""
    counts: dict[int, dict[str, int]] = {}
    rows = Example.objects.filter(dataset__in=[dataset.pk for dataset in datasets])
    found = rows.values_list("dataset_id", "split").annotate(rows=Count("id")).order_by()
    for dataset_id, split, count in found:
        counts.setdefault(dataset_id, {})[split] = count
    return counts


def dataset_uses(dataset: Dataset) -> list[tuple[str, str, int]]:
    """Count the rows by split and by what became of them."""
    use = Case(
        When(is_tied=True, then=Value("left out: too near to rows of another split")),
        When(split="", then=Value("waits for a job")),
        When(split=Split.TEST.value, looks__gt=0, then=Value("a verdict was drawn from it")),
        When(split=Split.TEST.value, then=Value("seen by nobody")),
        When(is_seen=True, then=Value("seen by a search or a person")),
        default=Value("not used yet"),
    )
    rows = Example.objects.filter(dataset=dataset).annotate(use=use)
    found = rows.values_list("split", "use").annotate(rows=Count("id"))
    return list(found.order_by("split", "use"))


def _datasets(project: Project | int) -> QuerySet[Dataset]:
    project_id = project if isinstance(project, int) else project.pk
    return Dataset.objects.select_related("task").filter(project_id=project_id)


def feedback_import_of(task: Task) -> Dataset | None:
    """Return the declaration that the task's imported feedback is a sample of its traffic."""
    declared = Dataset.objects.filter(task=task, name=FEEDBACK_IMPORT, is_representative=True)
    return declared.order_by("id").first()
