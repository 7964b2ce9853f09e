"""The list of jobs and the page of one: who sees them, what they say, how the polling ends."""

import re

import pytest
from django.urls import reverse

from kaizen_engine.states import JobState
from optimization_app.models import Job
from optimization_app.services.bundle import recording_from
from projects_app.models import AuditEntry
from tests.factories.optimization import JobFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(project):
    return JobFactory(seed_version__task=TaskFactory(project=project), running=True)


@pytest.fixture
def finished(project):
    return JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True)


def address(name, job, **more):
    project = job.task.project.slug
    return reverse(f"jobs:{name}", kwargs={"project": project, "job_id": job.public_id, **more})


def jobs_of(project):
    return reverse("jobs:list", kwargs={"project": project.slug})


def test_a_visitor_is_asked_to_sign_in(client, running):
    answer = client.get(address("job", running))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_a_viewer_sees_the_jobs_of_the_project(client, viewer, project, running, finished):
    client.force_login(viewer)
    page = client.get(jobs_of(project)).content.decode()
    assert f"Job {running.pk}" in page
    assert f"Job {finished.pk}" in page


@pytest.mark.parametrize("name", ["job", "fragment"])
def test_an_outsider_is_told_that_nothing_is_here(client, outsider, running, name):
    client.force_login(outsider)
    assert client.get(address(name, running)).status_code == 404


def test_an_outsider_cannot_stop_a_job(client, outsider, running):
    client.force_login(outsider)
    assert client.post(address("stop", running)).status_code == 404
    assert not Job.objects.get(pk=running.pk).cancel_requested


def test_a_list_is_filtered_by_its_address(client, viewer, project, running, finished):
    client.force_login(viewer)
    page = client.get(jobs_of(project), {"state": JobState.RUNNING.value}).content.decode()
    assert f"Job {running.pk}<" in page
    assert f"Job {finished.pk}<" not in page


def test_a_running_job_polls_and_an_ended_one_does_not(client, viewer, running, finished):
    client.force_login(viewer)
    assert "every 2s" in client.get(address("job", running)).content.decode()
    assert "every 2s" not in client.get(address("job", finished)).content.decode()


def test_the_polling_ends_by_itself(client, viewer, running, finished):
    client.force_login(viewer)
    assert client.get(address("fragment", running)).status_code == 200
    assert client.get(address("fragment", finished)).status_code == 286


def test_an_editor_stops_a_job_keeping_its_best(client, editor, running):
    client.force_login(editor)
    answer = client.post(address("stop", running), {"keep": "best"}, follow=True)
    assert "keeps its best" in answer.content.decode()
    job = Job.objects.get(pk=running.pk)
    assert (job.cancel_requested, job.keep_best) == (True, True)


def test_the_first_to_ask_decides_whether_the_best_is_kept(client, editor, running):
    client.force_login(editor)
    client.post(address("stop", running))
    client.post(address("stop", running), {"keep": "best"})
    assert not Job.objects.get(pk=running.pk).keep_best


def test_a_viewer_has_no_button_and_is_refused_in_words(client, viewer, running):
    client.force_login(viewer)
    assert "Stop and keep best" not in client.get(address("job", running)).content.decode()
    answer = client.post(address("stop", running), follow=True)
    assert "may not do this" in answer.content.decode()
    assert not Job.objects.get(pk=running.pk).cancel_requested


def test_stopping_an_ended_job_says_that_it_has_ended(client, editor, finished):
    client.force_login(editor)
    answer = client.post(address("stop", finished), follow=True)
    assert "cannot be cancelled" in answer.content.decode()


def test_hostile_text_stays_text(client, viewer, project):
    task = TaskFactory(project=project)
    job = JobFactory(seed_version__task=task, running=True)
    Job.objects.filter(pk=job.pk).update(state="failed", error="<script>alert(1)</script>")
    client.force_login(viewer)
    page = client.get(address("job", job)).content.decode()
    assert not re.search(r"<script>alert", page)


def test_a_get_cannot_stop_a_job(client, editor, running):
    client.force_login(editor)
    assert client.get(address("stop", running)).status_code == 405


def test_the_list_takes_a_bounded_number_of_queries(
    client, viewer, project, django_assert_max_num_queries
):
    for _ in range(12):
        JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True)
    client.force_login(viewer)
    with django_assert_max_num_queries(10):
        client.get(jobs_of(project))


def test_an_editor_downloads_the_run_bundle_and_the_trail_says_so(client, editor, project):
    job = JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True, recorded=True)
    client.force_login(editor)
    assert address("bundle", job) in client.get(address("job", job)).content.decode()
    answer = client.get(address("bundle", job))
    assert answer["Content-Disposition"] == (
        f'attachment; filename="kaizen-run-{job.public_id}.zip"'
    )
    recording, sha256 = recording_from(answer.content)
    assert recording.job == str(job.public_id)
    entry = AuditEntry.objects.get(action="kaizen.job.exported")
    assert (entry.actor, entry.data["sha256"]) == ("user:editor", sha256)


def test_a_viewer_is_refused_the_bundle_and_not_offered_it(client, viewer, project):
    job = JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True, recorded=True)
    client.force_login(viewer)
    assert address("bundle", job) not in client.get(address("job", job)).content.decode()
    assert client.get(address("bundle", job)).status_code == 403
    assert not AuditEntry.objects.filter(action="kaizen.job.exported").exists()


def test_an_outsider_is_told_that_there_is_no_bundle(client, outsider, finished):
    client.force_login(outsider)
    assert client.get(address("bundle", finished)).status_code == 404


def test_a_job_without_a_record_says_so_on_its_page(client, editor, finished):
    client.force_login(editor)
    answer = client.get(address("bundle", finished), follow=True)
    assert "ended without a result" in answer.content.decode()
    assert answer.redirect_chain


SEARCH = {
    "proposed": 6,
    "dropped": {"copies 8 words of an example": 2, "lost {{text}}": 1},
    "diagnoses": [{"cluster": "refunds", "failures": 4, "text": "Fees are taken for <b>refunds."}],
}


def test_the_page_says_what_was_proposed_and_why_some_of_it_was_dropped(client, viewer, project):
    job = JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True)
    client.force_login(viewer)
    assert "What the search wrote" not in client.get(address("job", job)).content.decode()
    Job.objects.filter(pk=job.pk).update(result={"evidence": {"search": SEARCH}})
    shown = client.get(address("job", job)).content.decode()
    assert "Instructions proposed: 6, dropped before any was scored: 3." in shown
    assert "copies 8 words of an example" in shown
    assert "4 failures" in shown
    assert "&lt;b&gt;refunds" in shown
