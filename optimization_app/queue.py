"""Waking a worker. The message is a hint and carries the job's id alone; the row is the truth."""

from django.db import transaction

LONG_CLUSTER = "long"
RUN = "optimization_app.worker.run_optimize_job"


def wake_on_commit(job_id: int) -> None:
    """Enqueue after the commit: a worker must not look for a row that is not there yet.

    A message that cannot be sent is only logged, since the reaper finds the row.
    """
    transaction.on_commit(lambda: wake(job_id), robust=True)


def wake(job_id: int) -> None:
    from django_q.tasks import async_task

    async_task(RUN, job_id, q_options={"cluster": LONG_CLUSTER, "group": "optimize"})


def messages_nobody_took() -> int:
    from django_q.brokers import get_broker

    return int(get_broker(LONG_CLUSTER).queue_size())
