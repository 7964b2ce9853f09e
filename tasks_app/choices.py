"""How a person tells prompts apart where one is chosen: by its name, the short one beside it."""

from django import forms
from django.utils.text import Truncator

from projects_app.models import Project
from tasks_app.models import Task
from tasks_app.selectors import task_list

LONGEST_NAME = 80


class TaskChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Task) -> str:
        return _title(obj.slug, obj.name)


def task_choices(project: Project, *, limit: int) -> list[tuple[str, str]]:
    """Return slug and title of the project's prompts, by slug."""
    named = task_list(project, limit=limit).values_list("slug", "name")
    return [(slug, _title(slug, name)) for slug, name in named]


def _title(slug: str, name: str) -> str:
    return slug if name == slug else f"{Truncator(name).chars(LONGEST_NAME)} ({slug})"
