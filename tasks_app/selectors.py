"""Reading tasks, always within one project."""

import hashlib
import uuid
from typing import Any

from django.core.cache import caches
from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from projects_app.exceptions import NotHere
from projects_app.models import Project
from tasks_app.models import Task

FRESH_S = 2


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


def tasks_by_slug(project_id: int, slugs: set[str]) -> dict[str, Task]:
    """Return those of the tasks that exist, by slug, for the hot path of feedback.

    Another process sees a change up to FRESH_S seconds late. Measured: the query costs as much as
    all the rest of storing one feedback.
    """
    names = {_cache_name(project_id, slug): slug for slug in slugs}
    tasks = {task.slug: task for task in caches["local"].get_many(names).values()}
    missing = slugs - tasks.keys()
    if missing:
        found = Task.objects.filter(project_id=project_id, slug__in=missing, archived_at=None)
        read = {task.slug: task for task in found.order_by()}
        named = {_cache_name(project_id, slug): task for slug, task in read.items()}
        caches["local"].set_many(named, FRESH_S)
        tasks |= read
    return tasks


@receiver([post_save, post_delete], sender=Task)
def forget_task(instance: Task, **_: Any) -> None:
    caches["local"].delete(_cache_name(instance.project_id, instance.slug))


def _cache_name(project_id: int, slug: str) -> str:
    """A slug from outside may hold what a cache key must not."""
    return f"task:{project_id}:{hashlib.sha256(slug.encode()).hexdigest()}"


def _tasks(project: Project | int) -> QuerySet[Task]:
    """Archived tasks are gone for every door."""
    tasks = Task.objects.select_related("student_connection", "teacher_connection")
    project_id = project if isinstance(project, int) else project.pk
    return tasks.filter(project_id=project_id, archived_at=None)


def _unknown(name: str) -> NotHere:
    return NotHere(f"there is no task {name!r} for this key", code="unknown_task")
