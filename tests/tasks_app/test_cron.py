"""A task's schedule: what is accepted, what is refused in words, and when it comes next."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from projects_app.exceptions import InvalidInput
from tasks_app.cron import next_time
from tasks_app.services import task_create, task_update
from tests.factories.tasks import TaskFactory

SATURDAY = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def test_the_next_time_is_later_and_in_utc():
    assert next_time("0 3 * * 1", SATURDAY) == datetime(2026, 11, 23, 3, tzinfo=UTC)
    assert next_time("30 12 * * *", SATURDAY) == SATURDAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("every day", "five fields"),
        ("0 3 * * 1 0", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "out of range"),
        ("0 0 31 2 *", "failed to find next date"),
        ("R R * * *", "chance"),
    ],
)
@pytest.mark.django_db
def test_a_bad_cron_is_named_with_its_reason(editor_actor, project, cron, says):
    with pytest.raises(InvalidInput) as refusal:
        task_create(actor=editor_actor, project=project, slug="triage", cron=cron)
    assert says in refusal.value.errors["cron"]
    assert cron in refusal.value.errors["cron"]


@pytest.mark.django_db
def test_a_new_cron_sets_the_next_time_and_no_cron_takes_it_away(editor_actor, project):
    task = TaskFactory(project=project)
    task = task_update(actor=editor_actor, task=task, cron="0 3 * * 1")
    assert task.next_run_at > timezone.now()
    assert task_update(actor=editor_actor, task=task, cron="").next_run_at is None


@pytest.mark.django_db
def test_another_change_leaves_a_time_that_is_due_alone(editor_actor, project):
    due = timezone.now() - timedelta(minutes=1)
    task = TaskFactory(project=project, cron="0 3 * * 1", next_run_at=due)
    changed = task_update(actor=editor_actor, task=task, cron="0 3 * * 1", threshold=9)
    assert (changed.threshold, changed.next_run_at) == (9, due)


@pytest.mark.django_db
def test_the_api_sets_and_shows_the_schedule(api_client, project):
    TaskFactory(project=project, slug="triage")
    body = api_client.patch("/api/v1/tasks/triage", {"cron": "0 3 * * 1"}).json()
    assert body["cron"] == "0 3 * * 1"
    assert body["next_run_at"].endswith("03:00:00Z")
    refused = api_client.patch("/api/v1/tasks/triage", {"cron": "often"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cron")
