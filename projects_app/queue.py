"""Waking a worker for a notification. The message is a hint; the sweep finds the rest."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

DELIVER = "projects_app.worker.deliver"


def deliver_on_commit(delivery_ids: Iterable[int]) -> None:
    """Have them sent after the commit; a message that cannot be queued is only logged."""
    for delivery_id in delivery_ids:
        transaction.on_commit(partial(_wake, delivery_id), robust=True)


def _wake(delivery_id: int) -> None:
    from django_q.tasks import async_task

    async_task(DELIVER, delivery_id, q_options={"group": "notifications"})
