"""Links from the overview to the pages of all rooms."""

from typing import Any

from django.urls import reverse

from projects_app.models import Project


def link(view: str, project: Project, **names: Any) -> str:
    return reverse(view, kwargs={"project": project.slug, **names})
