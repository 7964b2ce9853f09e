"""How long the next automatic job waits after jobs that ended without a verdict."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from feedback_app.models import TaskCounter
from tasks_app.models import Task

LONGEST = timedelta(hours=24)


@transaction.atomic
def trigger_cool_down(*, task: Task, failed: bool, now: datetime | None = None) -> TaskCounter:
    """Double the wait with each failure in a row, up to a day; a good end forgets them."""
    TaskCounter.objects.get_or_create(task=task)
    counter = TaskCounter.objects.select_for_update().get(task=task)
    counter.failures_in_a_row = counter.failures_in_a_row + 1 if failed else 0
    wait = _wait_after(counter.failures_in_a_row)
    counter.not_before = (now or timezone.now()) + wait if failed else None
    counter.save(update_fields=["failures_in_a_row", "not_before"])
    return counter


def _wait_after(failures: int) -> timedelta:
    base = timedelta(seconds=settings.CONFIG.cooldown_s)
    doublings = min(max(failures - 1, 0), 16)
    return min(base * (1 << doublings), LONGEST)
