"""The API's evaluations: who may start and read one, and what a caller is told."""

import pytest

from optimization_app.models import Job
from projects_app.models import Scope
from tests.factories.feedback import ExampleFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/evaluations"


@pytest.fixture
def rows(task):
    ExampleFactory.create_batch(6, task=task)
    ExampleFactory.create_batch(4, task=task, split="test")


@pytest.fixture
def draft(task, live_version):
    return PromptVersionFactory(task=task, parents=[live_version])


@pytest.mark.usefixtures("rows")
def test_a_draft_is_evaluated_beside_the_live_version(api_client, task, live_version, draft):
    body = {"prompt_id": str(task.public_id), "version_id": str(draft.public_id)}
    answer = api_client.post(URL, body)
    assert answer.status_code == 202
    told = answer.json()
    assert told["version_id"] == str(draft.public_id)
    assert told["compared_with"] == str(live_version.public_id)
    assert (told["kind"], told["status"], told["evaluation"]) == ("evaluate", "queued", None)
    assert told["estimate"]["calls"] == [12, 12]
    assert told["estimate"]["rows"] == {"train": 0, "dev": 6, "test": 0}
    again = api_client.post(URL, body)
    assert (again.status_code, again.json()["job_id"]) == (200, told["job_id"])


@pytest.mark.usefixtures("rows", "live_version")
def test_the_live_version_is_evaluated_by_itself_by_a_key_that_may_do_nothing_else(
    client_with, key_with, task
):
    client = client_with(key_with(Scope.EVALUATE))
    told = client.post(URL, {"prompt_id": str(task.public_id)}).json()
    assert told["compared_with"] is None
    assert client.get(f"{URL}/{told['job_id']}").json()["version_id"] == told["version_id"]
    assert client_with(key_with(Scope.OPTIMIZE_TRIGGER)).post(URL, {}).status_code == 403


@pytest.mark.usefixtures("rows", "live_version")
def test_the_hold_out_needs_a_look(api_client, task):
    body = {"prompt_id": str(task.public_id), "split": "test"}
    refused = api_client.post(URL, body)
    assert (refused.status_code, refused.json()["code"]) == (400, "look_required")
    assert not Job.objects.exists()
    answer = api_client.post(URL, body | {"look": True})
    assert answer.json()["estimate"]["rows"] == {"train": 0, "dev": 0, "test": 4}


@pytest.mark.usefixtures("rows", "live_version")
@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"split": "mine"}, "invalid", "split"),
        ({"config": {"num_trials": 3}}, "invalid_config", "config.num_trials"),
        ({"config": {"budget_usd": "much"}}, "invalid_config", "config.budget_usd"),
        ({"split": "train"}, "no_rows", "split"),
    ],
)
def test_what_is_wrong_is_named(api_client, task, wrong, code, field):
    answer = api_client.post(URL, {"prompt_id": str(task.public_id)} | wrong)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert field in str(answer.json()["errors"])
    assert not Job.objects.exists()


@pytest.mark.usefixtures("rows", "live_version")
def test_a_cap_that_cannot_be_enough_is_refused(api_client, task):
    body = {"prompt_id": str(task.public_id), "config": {"budget_tokens": 10}}
    answer = api_client.post(URL, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "budget_too_small")


@pytest.mark.usefixtures("rows")
def test_another_project_finds_nothing_here(outsider_client, task, live_version):
    body = {"prompt_id": str(task.public_id)}
    assert outsider_client.post(URL, body).status_code == 404
    job = JobFactory(seed_version=live_version, evaluating=live_version)
    assert outsider_client.get(f"{URL}/{job.public_id}").status_code == 404


def test_a_search_is_no_evaluation(api_client, live_version):
    job = JobFactory(seed_version=live_version)
    assert api_client.get(f"{URL}/{job.public_id}").status_code == 404
