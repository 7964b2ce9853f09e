import pytest

from kaizen_engine.states import JobState
from optimization_app.models import Job
from optimization_app.services.bundle import recording_from
from projects_app.models import Scope
from tasks_app.models import Task
from tests.factories.optimization import JobFactory, TrialFactory
from tests.factories.tasks import TaskFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.optimization_app.urls")]

START = "/optimization/start"
JOBS = "/optimization/jobs"


@pytest.fixture
def job(queued_job: Job) -> Job:
    TrialFactory.create_batch(2, job=queued_job)
    return queued_job


def test_starting_answers_202_and_then_200_with_the_live_job(api_client, ready_task: Task) -> None:
    body = {"prompt_id": str(ready_task.public_id), "config": {"num_trials": 3}}
    first = api_client.post(START, body)
    second = api_client.post(START, body)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["job_id"] == second.json()["job_id"]
    assert first.json()["estimate"]["calls"][0] > 0


def test_a_job_shows_its_progress_and_its_trials(api_client, job: Job) -> None:
    answer = api_client.get(f"{JOBS}/{job.public_id}").json()
    assert answer["status"] == "queued"
    assert answer["sentence"] == "Waiting for a worker."
    assert answer["budget"] == {"usd": "5", "tokens": None, "minutes": 30}
    assert [trial["number"] for trial in answer["trials"]] == sorted(
        trial.number for trial in job.trials.all()
    )


def test_the_list_shows_own_jobs_by_pages(
    api_client, outsider_client, job: Job, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(4):
        listed = api_client.get(JOBS).json()
    assert [row["job_id"] for row in listed] == [str(job.public_id)]
    assert api_client.get(JOBS, {"before": str(job.public_id)}).json() == []
    assert outsider_client.get(JOBS).json() == []


def test_the_result_comes_when_the_job_has_ended(api_client, job: Job) -> None:
    early = api_client.get(f"{JOBS}/{job.public_id}/result")
    assert (early.status_code, early.json()["code"]) == (409, "not_finished")
    Job.objects.update(state=JobState.SUCCEEDED.value, result={"evidence": {"calls": 7}})
    answer = api_client.get(f"{JOBS}/{job.public_id}/result").json()
    assert (answer["winner"], answer["evidence"]) == (None, {"calls": 7})


def test_a_cancel_is_obeyed_once_and_then_stale(api_client, job: Job) -> None:
    address = f"{JOBS}/{job.public_id}/cancel"
    assert api_client.post(address, {"reason": "a mistake"}).json()["status"] == "cancelled"
    again = api_client.post(address)
    assert (again.status_code, again.json()["code"]) == (409, "stale")


@pytest.mark.parametrize("path", ["", "/result", "/cancel"])
def test_another_projects_job_is_not_here(outsider_client, job: Job, path: str) -> None:
    call = outsider_client.post if path == "/cancel" else outsider_client.get
    assert call(f"{JOBS}/{job.public_id}{path}").status_code == 404


def test_another_projects_prompt_cannot_be_optimized(outsider_client, ready_task: Task) -> None:
    answer = outsider_client.post(START, {"prompt_id": str(ready_task.public_id)})
    assert answer.status_code == 404


def test_a_key_without_the_scope_is_refused(client_with, key_with, job: Job) -> None:
    client = client_with(key_with(Scope.FEEDBACK_WRITE))
    assert client.get(JOBS).status_code == 403
    assert client.post(START, {}).status_code == 403
    assert client_with("").get(JOBS).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt_id": "no"}, "prompt_id"),
        ({"config": []}, "config"),
        ({"config": {"num_trials": "x"}}, "config.num_trials"),
        ({"dataset": "x"}, "dataset"),
    ],
)
def test_bad_input_names_the_field(api_client, ready_task: Task, change, field: str) -> None:
    body = {"prompt_id": str(ready_task.public_id)} | change
    answer = api_client.post(START, body)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("name", ["00000000-0000-7000-8000-000000000000", "not-an-id"])
def test_an_unknown_job_is_not_here(api_client, name: str) -> None:
    answer = api_client.get(f"{JOBS}/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


def test_wrong_methods_are_refused(api_client, job: Job) -> None:
    assert api_client.get(START).status_code == 405
    assert api_client.post(JOBS).status_code == 405


def test_the_bundle_of_an_ended_job_is_a_zip_for_any_accept_header(
    api_client, outsider_client, project
) -> None:
    job = JobFactory(seed_version__task=TaskFactory(project=project), succeeded=True, recorded=True)
    address = f"{JOBS}/{job.public_id}/bundle"
    for accept in ("*/*", "application/json", "application/zip"):
        answer = api_client.get(address, HTTP_ACCEPT=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
        recording, _ = recording_from(answer.content)
        assert recording.job == str(job.public_id)
    refused = outsider_client.get(address, HTTP_ACCEPT="application/zip")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_job")


def test_a_job_that_runs_or_left_nothing_has_no_bundle(api_client, job: Job) -> None:
    answer = api_client.get(f"{JOBS}/{job.public_id}/bundle")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_finished")
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED.value)
    answer = api_client.get(f"{JOBS}/{job.public_id}/bundle")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_record")


def test_a_job_tells_what_its_search_wrote_and_dropped(api_client, job: Job) -> None:
    assert api_client.get(f"{JOBS}/{job.public_id}").json()["search"] is None
    found = {"proposed": 6, "dropped": {"too long": 2, "a copy": 1}, "diagnoses": []}
    Job.objects.filter(pk=job.pk).update(result={"evidence": {"search": found}})
    assert api_client.get(f"{JOBS}/{job.public_id}").json()["search"] == {
        "proposed": 6,
        "dropped_count": 3,
        "dropped": [{"reason": "a copy", "count": 1}, {"reason": "too long", "count": 2}],
        "diagnoses": [],
    }
