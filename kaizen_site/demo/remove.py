"""Remove demo data: all that Start demo made and what came of it. The audit trail stays."""

from django.db import transaction

from kaizen_engine.states import LIVE_JOB_STATES
from llm_app.models import CallRecord, Connection, LedgerEntry
from optimization_app.models import Job
from optimization_app.services.cancel import job_cancel
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Project
from projects_app.services.first_steps import demo_forget
from prompts_app.models import PromptVersion, Tag
from tasks_app.models import Task


def demo_remove(*, actor: Actor, project: Project) -> None:
    """Stop the demo's jobs and delete its rows; a worker that holds one loses it and lets go.

    Raises NotAllowed below admin, Conflict (demo_absent).
    """
    with transaction.atomic():
        made = demo_forget(actor=actor, project=project)
        task = Task.objects.filter(project=project, public_id=made.task).first()
        if task is not None:
            _stop(actor, task)
            _delete(task)
        connections = Connection.objects.filter(project=project, public_id=made.connection)
        for connection in connections:
            _disconnect(project, connection)


def _stop(actor: Actor, task: Task) -> None:
    live = [state.value for state in LIVE_JOB_STATES]
    for job in Job.objects.filter(task=task, state__in=live).select_related("task"):
        try:
            job_cancel(actor=actor, job=job, reason="the demo data is removed")
        except Conflict:
            # It ended by itself meanwhile.
            continue


def _delete(task: Task) -> None:
    """Delete from the leaves: jobs hold versions, tags hold versions, versions hold the task."""
    jobs = Job.objects.filter(task=task)
    subjects = list(jobs.values_list("public_id", flat=True))
    CallRecord.objects.filter(subject__in=subjects).delete()
    jobs.delete()
    Tag.objects.filter(task=task).delete()
    PromptVersion.objects.filter(task=task).delete()
    task.delete()


def _disconnect(project: Project, connection: Connection) -> None:
    """Drop the demo model and its made-up costs, unless another prompt has come to use it."""
    LedgerEntry.objects.filter(project=project, model__startswith=f"{connection.slug}/").delete()
    users = Task.objects.filter(student_connection=connection) | Task.objects.filter(
        teacher_connection=connection
    )
    if not users.exists():
        connection.delete()
