"""Reading feedback facts without counting rows."""

from datetime import datetime

from django.db.models import F, Q

from feedback_app.models import Dataset, TaskCounter
from tasks_app.models import Task

FEEDBACK_IMPORT = "feedback import"


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
    return Q(corrected_output__isnull=False) | Q(is_good, output__isnull=False)


def feedback_import_of(task: Task) -> Dataset | None:
    """Return the declaration that the task's imported feedback is a sample of its traffic."""
    declared = Dataset.objects.filter(task=task, name=FEEDBACK_IMPORT, is_representative=True)
    return declared.order_by("id").first()
