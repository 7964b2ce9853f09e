"""Where a version is looked at."""

from django.urls import reverse

from prompts_app.models import PromptVersion


def version_place(version: PromptVersion, replaced: int | None) -> str:
    """Return the page that compares it with the version of that number, or else its own."""
    where = {"project": version.task.project.slug, "task": version.task.slug}
    if replaced is None or replaced == version.number:
        return reverse("prompts:version", kwargs={**where, "number": version.number})
    return reverse("prompts:compare", kwargs={**where, "a": replaced, "b": version.number})
