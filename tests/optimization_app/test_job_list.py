"""The list of jobs: search, filters in its address, the same lines as a file."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kaizen_engine.states import JobState, Verdict
from optimization_app.models import Job
from tests.factories.optimization import JobFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs(project):
    parcels = TaskFactory(project=project, slug="parcels", name="Where is it")
    refunds = TaskFactory(project=project, slug="refunds", name="Money back")
    return (
        JobFactory(seed_version__task=parcels, running=True),
        JobFactory(seed_version__task=refunds, succeeded=True, verdict=Verdict.CONFIRMED.value),
    )


def listed(client, project, name="list", **query):
    answer = client.get(reverse(f"jobs:{name}", kwargs={"project": project.slug}), query)
    assert answer.status_code == 200
    if name == "csv":
        return b"".join(answer.streaming_content).decode("utf-8-sig")
    return answer.content.decode()


def numbers(text):
    return {int(row["job"]) for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"task": "parcel"}, [0]),
        ({"task": "money"}, [1]),
        ({"state": JobState.RUNNING.value}, [0]),
        ({"verdict": Verdict.CONFIRMED.value}, [1]),
        ({"kind": "evaluate"}, []),
        ({"optimizer": "bootstrap", "state": "succeeded"}, [1]),
        ({}, [0, 1]),
    ],
)
def test_page_and_file_show_what_the_address_asks_for(client, viewer, project, jobs, query, found):
    client.force_login(viewer)
    wanted = {jobs[place].pk for place in found}
    assert numbers(listed(client, project, "csv", **query)) == wanted
    page = listed(client, project, **query)
    assert {job.pk for job in jobs if f"Job {job.pk}<" in page} == wanted


def test_a_job_is_found_by_its_number(client, viewer, project, jobs):
    client.force_login(viewer)
    assert jobs[1].pk in numbers(listed(client, project, "csv", task=str(jobs[1].pk)))
    assert numbers(listed(client, project, "csv", task="9" * 30)) == set()


def test_a_filter_that_cannot_be_is_named_beside_its_field(client, viewer, project, jobs):
    client.force_login(viewer)
    page = listed(client, project, state="asleep")
    assert "asleep is not one of the available choices" in page
    assert f"Job {jobs[0].pk}<" in page


def test_an_empty_answer_says_whether_a_filter_is_why(client, viewer, project):
    client.force_login(viewer)
    assert "No job yet" in listed(client, project)
    assert "No job matches these filters" in listed(client, project, task="nothing")


def test_a_file_holds_no_formula_and_none_of_another_project(client, viewer, project, jobs):
    JobFactory()
    Job.objects.filter(pk=jobs[0].pk).update(state="failed", error="x", started_by_label="=1+1")
    client.force_login(viewer)
    text = listed(client, project, "csv")
    assert numbers(text) == {job.pk for job in jobs}
    assert "'=1+1" in text


def test_an_outsider_finds_no_list_and_no_file(client, outsider, project, jobs):
    client.force_login(outsider)
    for name in ("list", "csv"):
        path = reverse(f"jobs:{name}", kwargs={"project": project.slug})
        assert client.get(path).status_code == 404


def test_the_queries_of_a_list_do_not_grow_with_its_rows(client, viewer, project, jobs):
    def statements():
        with CaptureQueriesContext(connection) as found:
            listed(client, project)
        assert not [one for one in found if "COUNT(" in one["sql"].upper()]
        return len(found)

    client.force_login(viewer)
    few = statements()
    for _ in range(10):
        JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True)
    assert statements() == few
