"""Waking a worker. The message is a hint and carries the job's id alone; the row is the truth."""

from django.db import transaction

LONG_CLUSTER = "long"
RUN = "optimization_app.worker.run_optimize_job"
ANALYSE = "optimization_app.worker.analyse_job"
ASK_JUDGE = "optimization_app.worker.ask_judge"
TRY_OUT = "optimization_app.worker.try_out"


def wake_on_commit(job_id: int) -> None:
    """Enqueue after the commit: a worker must not look for a row that is not there yet.

    A message that cannot be sent is only logged, since the reaper finds the row.
    """
    transaction.on_commit(lambda: wake(job_id), robust=True)


def wake(job_id: int) -> None:
    from django_q.tasks import async_task

    async_task(RUN, job_id, q_options={"cluster": LONG_CLUSTER, "group": "optimize"})


def analyse_on_commit(job_id: int) -> None:
    """Have the job's insights worked out; a message that is lost is made up for by a sweep."""
    transaction.on_commit(lambda: analyse(job_id), robust=True)


def analyse(job_id: int) -> None:
    from django_q.tasks import async_task

    async_task(ANALYSE, job_id, q_options={"group": "insights"})


def ask_judge_on_commit(task_id: int) -> None:
    """Have the task's judge asked about the labelling queue."""
    transaction.on_commit(lambda: ask_judge(task_id), robust=True)


def ask_judge(task_id: int) -> None:
    from django_q.tasks import async_task

    async_task(ASK_JUDGE, task_id, q_options={"group": "judge"})


def try_out_on_commit(run_id: int) -> None:
    """Have a worker ask the models of a run of the playground."""
    transaction.on_commit(lambda: try_out(run_id), robust=True)


def try_out(run_id: int) -> None:
    from django_q.tasks import async_task

    async_task(TRY_OUT, run_id, q_options={"group": "playground"})


def messages_nobody_took() -> int:
    from django_q.brokers import get_broker

    return int(get_broker(LONG_CLUSTER).queue_size())
