"""A task with something live, and a version that is proven to be better."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaizen_engine.git.local import LocalGit
from kaizen_engine.states import GateBasis
from projects_app.actors import Actor
from projects_app.models import ApiKey, Project, Scope, User
from prompts_app.models import PromptVersion, Repository
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.engine.git.repositories import Checkout
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import PromptVersionFactory, RepositoryFactory
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


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    """A data folder of the test's own, where repositories may be."""
    settings.CONFIG = replace(settings.CONFIG, data_dir=tmp_path)
    return tmp_path


@pytest.fixture
def bare(project: Project, data_dir: Path) -> Path:
    """A bare repository of the project, with somebody's application in it."""
    path = data_dir / "repositories" / project.slug / "app.git"
    LocalGit.create(path, base="main")
    author = Checkout(data_dir / "author", str(path))
    author.write("README.md", "An application\n")
    author.git("push", "--quiet", "origin", "main")
    return path


@pytest.fixture
def alice(approver: User, bare: Path, data_dir: Path) -> Checkout:
    """The approver's clone; her commits carry her git login."""
    approver.git_login = "alice@example.org"
    approver.save()
    return Checkout(data_dir / "alice", str(bare))


@pytest.fixture
def repository(task: Task, bare: Path) -> Repository:
    """The repository of the task; connected before anything is proposed."""
    return RepositoryFactory(task=task, connection__url=str(bare))
