"""Wherever prompts are listed or chosen, they are called by their names."""

import pytest
from django.test import Client
from django.utils import timezone

from kaizen_engine.states import JobState
from projects_app.models import Project, User
from tasks_app.choices import task_choices
from tasks_app.models import Task
from tests.factories.feedback import DatasetFactory, FeedbackFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import RepositoryFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
LISTS = ("prompts/", "jobs/", "feedback/", "datasets/", "labelling/", "settings/git/")


@pytest.fixture
def triage(project: Project) -> Task:
    task = TaskFactory(project=project, slug="triage", name="Sort the mail")
    failed = {"state": JobState.FAILED.value, "finished_at": timezone.now()}
    JobFactory(seed_version__task=task, **failed)
    DatasetFactory(task=task)
    FeedbackFactory(task=task)
    RepositoryFactory(task=task)
    return task


@pytest.mark.parametrize("place", LISTS)
def test_a_list_says_the_name_of_a_prompt(
    client: Client, viewer: User, triage: Task, place: str
) -> None:
    client.force_login(viewer)
    page = client.get(f"/p/{triage.project.slug}/{place}").content.decode()
    assert ">Sort the mail<" in page


def test_what_waits_on_home_says_it_too(client: Client, viewer: User, triage: Task) -> None:
    client.force_login(viewer)
    page = client.get(f"/p/{triage.project.slug}/").content.decode()
    assert "<strong>Sort the mail</strong>" in page


def test_prompts_of_one_name_are_told_apart(project: Project, triage: Task) -> None:
    TaskFactory(project=project, slug="triage-2", name="Sort the mail")
    TaskFactory(project=project, slug="plain", name="plain")
    assert task_choices(project, limit=5) == [
        ("plain", "plain"),
        ("triage", "Sort the mail (triage)"),
        ("triage-2", "Sort the mail (triage-2)"),
    ]
