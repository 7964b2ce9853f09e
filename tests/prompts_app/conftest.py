"""A task with something live, and a version that is proven to be better."""

import pytest

from kaizen_engine.states import GateBasis
from projects_app.actors import Actor
from projects_app.models import ApiKey, Project, Scope, User
from prompts_app.models import PromptVersion
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory


@pytest.fixture
def task(project: Project) -> Task:
    return TaskFactory(project=project, slug="triage")


@pytest.fixture
def live(task: Task, editor_actor: Actor) -> PromptVersion:
    """Version 1, live on the basis `import`."""
    version = PromptVersionFactory(task=task)
    version_promote(actor=editor_actor, task=task, version=version, basis=GateBasis.IMPORT)
    return version


@pytest.fixture
def proven(task: Task, live: PromptVersion) -> PromptVersion:
    """A draft that its evidence confirms against what is live."""
    return PromptVersionFactory(task=task, proven=live, parents=[live])


@pytest.fixture
def strict(project: Project) -> Project:
    """The project, with the two-person rule on."""
    project.two_person_rule = True
    project.save()
    return project


def key_actor(project: Project, created_by: User | None, *scopes: Scope) -> Actor:
    wanted = [scope.value for scope in scopes or tuple(Scope)]
    key: ApiKey = ApiKeyFactory(project=project, created_by=created_by, scopes=wanted)
    return Actor.key(key)
