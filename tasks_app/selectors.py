"""Reading tasks, always within one project."""

import uuid

from django.db.models import QuerySet

from projects_app.exceptions import NotHere
from projects_app.models import Project
from tasks_app.models import Task


def task_get(project: Project | int, slug: str) -> Task:
    """Return the project's task, or raise NotHere with the code `unknown_task`."""
    task = _tasks(project).filter(slug=slug).first()
    if task is None:
        raise _unknown(slug)
    return task


def task_by_public_id(project: Project | int, public_id: uuid.UUID | str) -> Task:
    """Return the task that the API calls by `prompt_id`."""
    try:
        wanted = uuid.UUID(str(public_id))
    except ValueError:
        raise _unknown(str(public_id)) from None
    task = _tasks(project).filter(public_id=wanted).first()
    if task is None:
        raise _unknown(str(public_id))
    return task


def task_list(project: Project | int, *, after: str = "", limit: int = 100) -> QuerySet[Task]:
    """Return the project's tasks by slug; `after` is the last slug of the page before."""
    return _tasks(project).filter(slug__gt=after).order_by("slug")[:limit]


def tasks_by_slug(project: Project | int, slugs: set[str]) -> dict[str, Task]:
    return {task.slug: task for task in _tasks(project).filter(slug__in=slugs)}


def _tasks(project: Project | int) -> QuerySet[Task]:
    """Archived tasks are gone for every door."""
    tasks = Task.objects.select_related("student_connection", "teacher_connection")
    project_id = project if isinstance(project, int) else project.pk
    return tasks.filter(project_id=project_id, archived_at=None)


def _unknown(name: str) -> NotHere:
    return NotHere(f"there is no task {name!r} for this key", code="unknown_task")
