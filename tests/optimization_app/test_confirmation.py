"""Above a project's limit nobody spends without having said yes, through whichever door."""

import io
from decimal import Decimal

import pytest
from django.core.management import call_command

from optimization_app.models import Job
from optimization_app.services.start import job_start, job_start_automatic
from projects_app.actors import Actor
from projects_app.commands import CheckFailed
from projects_app.exceptions import Conflict
from projects_app.models import AuditEntry, Project
from tasks_app.models import Task

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.optimization_app.urls")]


@pytest.fixture
def asking(project: Project, ready_task: Task) -> Task:
    """A task in a project that wants every cent confirmed."""
    Project.objects.update(confirm_over_usd=Decimal("0.0001"))
    return Task.objects.get(pk=ready_task.pk)


def test_a_new_project_asks_above_five_dollars(project: Project) -> None:
    project.refresh_from_db()
    assert project.confirm_over_usd == 5


def test_below_the_limit_and_without_one_nobody_is_asked(asking: Task, editor_actor: Actor) -> None:
    for limit in (None, Decimal(5)):
        Project.objects.update(confirm_over_usd=limit)
        Job.objects.all().delete()
        task = Task.objects.get(pk=asking.pk)
        assert job_start(actor=editor_actor, task=task, trigger="api")[1]


def test_the_budget_bounds_what_is_asked_about(asking: Task, editor_actor: Actor) -> None:
    Project.objects.update(confirm_over_usd=Decimal("0.5"))
    dear = {"max_dev_rows": 5000, "budget_usd": "0.5"}
    task = Task.objects.get(pk=asking.pk)
    assert job_start(actor=editor_actor, task=task, trigger="api", config=dear)[1]


def test_above_it_the_estimate_comes_with_the_refusal(asking: Task, editor_actor: Actor) -> None:
    with pytest.raises(Conflict, match="wants it confirmed") as refused:
        job_start(actor=editor_actor, task=asking, trigger="api")
    assert refused.value.code == "confirmation_needed"
    low, high = map(Decimal, refused.value.facts["estimate"]["usd"])
    assert 0 < low <= high <= 2 * low
    assert not Job.objects.exists()
    assert job_start(actor=editor_actor, task=asking, trigger="api", confirm=True)[1]


def test_the_api_answers_409_with_the_estimate_and_starts_once_confirmed(
    api_client, asking: Task
) -> None:
    body = {"prompt_id": str(asking.public_id)}
    refused = api_client.post("/optimization/start", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "confirmation_needed")
    assert len(refused.json()["estimate"]["usd"]) == 2
    started = api_client.post("/optimization/start", body | {"confirm": True})
    assert started.status_code == 202


def test_the_command_starts_it_with_yes(asking: Task) -> None:
    options = {"project": asking.project.slug, "task": asking.slug}
    with pytest.raises(CheckFailed, match="--yes"):
        call_command("optimize", **options)
    out = io.StringIO()
    call_command("optimize", **options, yes=True, stdout=out)
    assert Job.objects.get().state == "queued"


def test_a_job_nobody_asked_for_waits_for_somebody(asking: Task) -> None:
    assert job_start_automatic(asking.pk) is None
    told = AuditEntry.objects.get(action="kaizen.job.refused")
    assert told.data["code"] == "confirmation_needed"
