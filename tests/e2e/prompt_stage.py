"""A prompt with clients, one of them behind, and a tag of the team's own; and its pages."""

from django.urls import reverse

from prompts_app.models import PromptVersion
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import ClientSightingFactory, TagFactory


def prompt_pages(version: PromptVersion) -> dict[str, str]:
    """Return the pages of the version, its prompt and the list."""
    task = version.task
    project, place = (task.project.slug,), (task.project.slug, task.slug)
    return {
        "prompts": reverse("prompts:list", args=project),
        "create a prompt": reverse("prompts:new", args=project),
        "import a prompt": reverse("prompts:import", args=project),
        "a prompt": reverse("prompts:prompt", args=place),
        "its versions": reverse("prompts:versions", args=place),
        "its lineage": reverse("prompts:lineage", args=place),
        "its use": reverse("prompts:use", args=place),
        "a version": reverse("prompts:version", args=(*place, version.number)),
    }


def fetched(live: PromptVersion, draft: PromptVersion) -> None:
    """One client has what is live, another got the draft once under its name."""
    TagFactory(version=draft, name="staging")
    project = live.task.project
    for name, version in (("The web shop", live), ("The old mailer", draft)):
        ClientSightingFactory(version=version, api_key=ApiKeyFactory(project=project, name=name))
