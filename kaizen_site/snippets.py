"""The first lines of code of an application, for a prompt of the project where there is one."""

from projects_app.models import Project
from prompts_app.models import PromptVersion, Tag
from prompts_app.selectors import PRODUCTION
from prompts_app.snippets import Snippet, snippets_of
from tasks_app.models import Task

NAME = "my-first-prompt"


def first_snippets(project: Project, base_url: str) -> list[Snippet]:
    """Write them for the newest live prompt, else for one that the first feedback makes."""
    tags = Tag.objects.filter(task__project=project, task__archived_at=None, name=PRODUCTION)
    tag = tags.select_related("task", "version").order_by("-task_id").first()
    if tag is None:
        return snippets_of(Task(project=project, slug=NAME), base_url, None)
    version: PromptVersion = tag.version
    return snippets_of(tag.task, base_url, version.artifact)
