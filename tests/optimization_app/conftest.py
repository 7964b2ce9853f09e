"""A task that may be optimized: a live version, a priced model and feedback nobody took."""

import pytest

from optimization_app.models import Job
from projects_app.models import Project
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import FeedbackFactory, TaskCounterFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

ROWS = 5


@pytest.fixture
def task(project: Project) -> Task:
    task = TaskFactory(project=project, slug="triage", threshold=ROWS, scored=True)
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    return task


@pytest.fixture
def live_version(task: Task) -> PromptVersion:
    version = PromptVersionFactory(task=task)
    TagFactory(version=version)
    return version


@pytest.fixture
def ready_task(task: Task, live_version: PromptVersion) -> Task:
    FeedbackFactory.create_batch(ROWS, task=task)
    TaskCounterFactory(task=task, unconsumed=ROWS)
    return task


@pytest.fixture
def queued_job(ready_task: Task, live_version: PromptVersion) -> Job:
    return JobFactory(task=ready_task, seed_version=live_version)


@pytest.fixture
def running_job(ready_task: Task, live_version: PromptVersion) -> Job:
    return JobFactory(task=ready_task, seed_version=live_version, running=True)
