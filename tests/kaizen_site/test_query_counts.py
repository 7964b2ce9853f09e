"""More rows never mean more statements, and no page counts a large table."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback_app.models import Dataset
from projects_app.models import Role, User
from tests.admin.rooms import TENANT, page
from tests.e2e.stage import Stage, build_stage
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.insights import (
    InsightFactory,
    InsightSightingFactory,
    SuggestedExampleFactory,
)
from tests.factories.labels import LabelItemFactory
from tests.factories.llm import LedgerEntryFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory, TrialFactory
from tests.factories.projects import ApiKeyFactory, AuditEntryFactory, MembershipFactory
from tests.factories.prompts import GateResultFactory, PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

LARGE = (
    "feedback_app_feedback",
    "feedback_app_example",
    "prompts_app_promptversion",
    "optimization_app_job",
    "optimization_app_evaluationrow",
    "projects_app_auditentry",
    "llm_app_ledgerentry",
)
WHOLE_COUNT = re.compile(rf'^SELECT COUNT\(\*\) AS "__count" FROM "({"|".join(LARGE)})"')
SignIn = Callable[[User], Client]


@pytest.fixture
def sign_in() -> SignIn:
    def enter(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


def crowd(stage: Stage, number: int) -> None:
    """Add so many rows of everything that a page of the stage may list."""
    room, task = stage.room, stage.draft.task
    for _ in range(number):
        version = PromptVersionFactory(task=task, parents=[stage.draft], proven=stage.draft)
        job = JobFactory(seed_version=version, succeeded=True, result_version=version)
        other = PromptVersionFactory(task=TaskFactory(project=room.project))
        TagFactory(version=other)
        GateResultFactory(version=stage.draft)
        TagFactory(version=version, name=f"tag{version.number}")
        TrialFactory(job=stage.finished)
        _add_rows(stage, job)
        ApiKeyFactory(project=room.project)
        AuditEntryFactory(project=room.project)
        MembershipFactory(project=room.project)
        LedgerEntryFactory(project=room.project, subject=job.public_id)
        insight = InsightFactory(task=task)
        InsightSightingFactory(insight=insight)
        SuggestedExampleFactory(insight=stage.insight)


def _add_rows(stage: Stage, job: object) -> None:
    task = stage.draft.task
    row = ExampleFactory(task=task, feedback=FeedbackFactory(task=task))
    ExampleFactory(task=task, dataset=stage.room.rows[Dataset])
    DatasetFactory(task=task, project=stage.room.project, frozen=True)
    LabelItemFactory(task=task)
    for one, label in ((stage.finished, "winner_dev"), (job, "baseline_dev")):
        EvaluationRowFactory(job=one, example=row, label=label, score=0.0)


def statements(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path, follow=True)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return [one["sql"] for one in captured]


@pytest.mark.django_db
def test_no_page_asks_more_for_more_rows_or_counts_a_large_table(sign_in: SignIn) -> None:
    stage = build_stage()
    client = sign_in(stage.room.people[Role.ADMIN])
    crowd(stage, 2)
    lists = {f"admin {one.__name__}": page(one, "changelist") for one in TENANT}
    pages = {**stage.pages, **lists}
    few = {name: statements(client, path) for name, path in pages.items()}
    crowd(stage, 4)
    found = {}
    for name, path in pages.items():
        asked = statements(client, path)
        found[name] = [sql for sql in asked if WHOLE_COUNT.match(sql)]
        if len(asked) > len(few[name]):
            found[name].append(f"{len(few[name])} statements became {len(asked)}")
    assert {name: what for name, what in found.items() if what} == {}
