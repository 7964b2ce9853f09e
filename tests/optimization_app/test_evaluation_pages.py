"""The page that starts an evaluation, and what the job's page says of it afterwards."""

import pytest
from django.urls import reverse

from kaizen_engine.states import JobState
from optimization_app.models import Job
from projects_app.models import Project
from tests.factories.feedback import ExampleFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(task, live_version):
    ExampleFactory.create_batch(6, task=task)
    ExampleFactory.create_batch(4, task=task, split="test", inputs={"text": "a secret row"})
    return PromptVersionFactory(task=task, parents=[live_version])


def address(version):
    task = version.task
    kwargs = {"project": task.project.slug, "task": task.slug, "number": version.number}
    return reverse("jobs:evaluate", kwargs=kwargs)


def test_an_editor_sees_the_calls_before_they_are_made_and_starts_them(client, editor, draft):
    client.force_login(editor)
    page = client.get(address(draft)).content.decode()
    assert "<dd>12</dd>" in page
    assert "which is live" in page
    answer = client.post(address(draft), {"split": "dev"})
    job = Job.objects.get()
    assert answer.url == f"/p/support/jobs/{job.public_id}/"
    assert (job.kind, job.trigger, job.result_version) == ("evaluate", "page", draft)
    shown = client.get(answer.url).content.decode()
    assert "Version 2 beside version 1" in shown
    assert "Stop and keep best" not in shown


def test_a_look_is_said_before_it_is_taken(client, editor, draft):
    client.force_login(editor)
    page = client.get(address(draft), {"look": "on"}).content.decode()
    assert "This reads the hold-out" in page
    client.post(address(draft), {"split": "dev", "look": "on"})
    assert Job.objects.get().config["evaluation"]["splits"] == ["dev", "test"]


@pytest.mark.parametrize("split", ["test", "mine"])
def test_what_cannot_be_is_refused_in_words(client, editor, draft, split):
    client.force_login(editor)
    for answer in (
        client.get(address(draft), {"split": split}),
        client.post(address(draft), {"split": split}),
    ):
        assert answer.status_code == 200
        assert "kz-message is-error" in answer.content.decode()
    assert not Job.objects.exists()


def test_what_costs_more_than_the_project_wants_unasked_takes_a_tick(client, editor, draft):
    Project.objects.update(confirm_over_usd="0.0000")
    client.force_login(editor)
    assert 'name="confirm"' in client.get(address(draft)).content.decode()
    client.post(address(draft), {"split": "dev"})
    assert not Job.objects.exists()
    client.post(address(draft), {"split": "dev", "confirm": "on"})
    assert Job.objects.exists()


def test_a_viewer_may_not_and_an_outsider_finds_nothing(client, viewer, outsider, draft):
    client.force_login(viewer)
    assert client.get(address(draft)).status_code == 403
    assert client.post(address(draft), {"split": "dev"}).status_code == 403
    client.force_login(outsider)
    assert client.get(address(draft)).status_code == 404
    assert client.post(address(draft), {"split": "dev"}).status_code == 404
    assert not Job.objects.exists()


def test_a_version_that_is_not_there_is_not_found(client, editor, draft):
    client.force_login(editor)
    assert client.get(address(draft).replace("/2/", "/9/")).status_code == 404


def test_the_version_page_leads_there_for_an_editor_alone(client, editor, viewer, draft):
    page = reverse("admin:prompts_app_promptversion_change", args=[draft.pk])
    client.force_login(editor)
    assert address(draft) in client.get(page).content.decode()
    client.force_login(viewer)
    assert address(draft) not in client.get(page).content.decode()


def ended(version, live_version, rows):
    """Return an evaluation that ended, with these rows as its failures."""
    summary = {
        "splits": {
            "dev": {
                "rows": 6,
                "before": {"mean": 0.5, "n": 6, "parts": {}, "unreadable": 0},
                "after": {"mean": 0.75, "n": 6, "parts": {}, "unreadable": 1},
            }
        },
        "is_complete": True,
        "is_compared": True,
        "cached": 6,
        "look": 2,
        "looked_at": 40,
        "failures": [row.example_id for row in rows],
    }
    return JobFactory(
        seed_version=live_version,
        evaluating=version,
        state=JobState.SUCCEEDED.value,
        stop_reason="finished",
        verdict="not_enough_evidence",
        result={"evaluation": summary},
    )


def test_an_ended_evaluation_says_its_figures_the_look_and_its_failures(
    client, viewer, draft, live_version
):
    shown, secret = (draft.task.examples.filter(split=split).first() for split in ("dev", "test"))
    job = JobFactory(seed_version=live_version, evaluating=draft)
    rows = [
        EvaluationRowFactory.build(
            job=job, example=shown, label="winner_dev", score=0, text="<b>x"
        ),
        EvaluationRowFactory.build(job=job, example=secret, label="winner_test", score=0),
    ]
    ended_job = ended(draft, live_version, rows)
    for row in rows:
        row.job = ended_job
        row.artifact_hash, row.output = draft.hash, None
        row.save()
    client.force_login(viewer)
    page = client.get(f"/p/support/jobs/{ended_job.public_id}/").content.decode()
    assert "75.0% on 6 rows of dev: there is not enough evidence" in page
    assert "+25.0 points" in page
    assert "look 2 at 40 deciding rows, counted" in page
    assert "&lt;b&gt;x" in page
    assert "a secret row" not in page
