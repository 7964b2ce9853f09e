"""GET /tasks and GET /tasks/{slug}."""

import pytest

from projects_app.models import Scope
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
TASKS = "/api/v1/tasks"


def test_a_task_shows_its_schema_models_and_threshold(api_client, project):
    task = TaskFactory(project=project, slug="triage", threshold=7)
    body = api_client.get(f"{TASKS}/triage").json()
    assert body["prompt_id"] == str(task.public_id)
    assert (body["slug"], body["threshold"], body["student"]) == ("triage", 7, task.student)
    assert body["output_schema"] == task.output_schema


def test_the_list_shows_own_tasks_page_by_page(api_client, project):
    for slug in ("a", "b", "c"):
        TaskFactory(project=project, slug=slug)
    TaskFactory(slug="foreign")
    first = api_client.get(TASKS, {"limit": 2}).json()
    assert [task["slug"] for task in first["tasks"]] == ["a", "b"]
    rest = api_client.get(TASKS, {"after": first["next"]}).json()
    assert ([task["slug"] for task in rest["tasks"]], rest["next"]) == (["c"], None)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}])
def test_a_bad_page_names_its_parameter(api_client, query):
    answer = api_client.get(TASKS, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "limit"


def test_the_list_takes_one_query_however_long(api_client, project, django_assert_max_num_queries):
    TaskFactory.create_batch(8, project=project)
    api_client.get(TASKS)
    with django_assert_max_num_queries(1):
        api_client.get(TASKS)


def test_another_projects_task_is_not_there(outsider_client, project):
    TaskFactory(project=project, slug="triage")
    answer = outsider_client.get(f"{TASKS}/triage")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_task")
    assert outsider_client.get(TASKS).json()["tasks"] == []


@pytest.mark.parametrize("address", [TASKS, f"{TASKS}/triage"])
def test_a_key_and_its_scope_are_needed(client_with, key_with, project, address):
    TaskFactory(project=project, slug="triage")
    assert client_with("").get(address).status_code == 401
    assert client_with(key_with(Scope.FEEDBACK_WRITE)).get(address).status_code == 403
    assert client_with(key_with(Scope.PROMPT_READ)).get(address).status_code == 200


@pytest.mark.parametrize("address", [TASKS, f"{TASKS}/triage"])
def test_tasks_are_only_read_here(api_client, project, address):
    TaskFactory(project=project, slug="triage")
    assert api_client.delete(address).status_code == 405


@pytest.mark.parametrize("asked", [True, False, None])
def test_a_task_says_whether_new_versions_reason(api_client, project, asked):
    TaskFactory(project=project, slug="triage", reasoning=not asked)
    assert api_client.patch(f"{TASKS}/triage", {"reasoning": asked}).json()["reasoning"] is asked
    assert api_client.get(f"{TASKS}/triage").json()["reasoning"] is asked


def test_reasoning_is_true_false_or_null(api_client, project):
    TaskFactory(project=project, slug="triage")
    answer = api_client.patch(f"{TASKS}/triage", {"reasoning": "perhaps"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "reasoning")


def test_an_evaluator_is_changed_and_shown_in_words(api_client, project):
    TaskFactory(project=project, slug="triage")
    parts = [
        {"kind": "exact_match", "weight": 0.7},
        {"kind": "length", "max_words": 40, "weight": 0.3},
    ]
    spec = {"kind": "composite", "parts": parts}
    answer = api_client.patch(f"{TASKS}/triage", {"evaluator": spec}, format="json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["evaluator"] == spec
    assert answer.json()["metric"] == "0.7 exact match + 0.3 length"


def test_a_wrong_evaluator_is_refused_by_its_places(api_client, project):
    TaskFactory(project=project, slug="triage")
    part = {"kind": "length", "weight": 2, "max_words": "many"}
    spec = {"kind": "composite", "parts": [part]}
    answer = api_client.patch(f"{TASKS}/triage", {"evaluator": spec}, format="json")
    assert answer.status_code == 400
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"evaluator.parts[0].weight", "evaluator.parts[0].max_words"}
