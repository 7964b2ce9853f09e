"""POST /feedback: one judged output, stored once."""

import json
from uuid import UUID

import pytest

from feedback_app.models import Feedback, TaskCounter
from projects_app.models import Scope
from tasks_app.models import Task
from tests.factories.tasks import TaskFactory, object_schema
from tests.feedback_app.conftest import ADDRESS

pytestmark = pytest.mark.django_db


def test_a_feedback_is_stored_and_counted(api_client, item, task):
    sent = item(comment="close", metrics={"speed": 2}, metadata={"user": "u1"}, thumb=True)
    answer = api_client.post(ADDRESS, sent)
    assert answer.status_code == 201
    row = Feedback.objects.get()
    assert answer.json() == {"id": str(row.public_id)}
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert (row.task, row.project, row.event_id) == (task, task.project, sent["event_id"])
    assert (row.inputs, row.output) == (sent["inputs"], {"label": "billing"})
    assert (row.score, row.thumb, row.comment) == (1.0, True, "close")
    assert (row.metrics, row.metadata) == ({"speed": 2.0}, {"user": "u1"})
    assert (row.corrected_output, row.consumed_by, row.prompt_hash) == (None, None, "")
    assert row.created_at.tzinfo is not None
    counter = TaskCounter.objects.get(task=task)
    assert (counter.unconsumed, counter.total, counter.not_before) == (1, 1, None)


def test_the_same_event_again_gets_the_first_answer(api_client, item):
    sent = item()
    first, second = api_client.post(ADDRESS, sent), api_client.post(ADDRESS, sent)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Feedback.objects.count() == TaskCounter.objects.get().unconsumed == 1


def test_the_same_event_with_other_content_conflicts(api_client, item):
    sent = item()
    api_client.post(ADDRESS, sent)
    answer = api_client.post(ADDRESS, {**sent, "score": 0.2})
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_conflict")
    assert Feedback.objects.get().score == 1.0


def test_an_event_id_belongs_to_one_project(api_client, outsider_client, other_project, item):
    TaskFactory(project=other_project, slug="triage")
    sent = item()
    assert api_client.post(ADDRESS, sent).status_code == 201
    assert outsider_client.post(ADDRESS, sent).status_code == 201
    assert Feedback.objects.count() == 2


def test_a_correction_of_a_one_field_task_may_be_bare(api_client, item):
    api_client.post(ADDRESS, item(corrected_output="shipping"))
    assert Feedback.objects.get().corrected_output == {"label": "shipping"}


def test_the_task_says_what_its_plain_feedback_is(api_client, item, project):
    TaskFactory(project=project, slug="scored", scored=True)
    api_client.post(ADDRESS, item())
    api_client.post(ADDRESS, item(task="scored"))
    api_client.post(ADDRESS, item(origin="random"))
    origins = Feedback.objects.order_by("id").values_list("origin", flat=True)
    assert list(origins) == ["user", "random", "random"]


@pytest.mark.parametrize("origin", ["import", "generated"])
def test_rows_of_a_dataset_take_the_right_to_write_one(client_with, key_with, item, origin):
    may_log = client_with(key_with(Scope.FEEDBACK_WRITE))
    assert may_log.post(ADDRESS, item(origin=origin)).status_code == 403
    may_import = client_with(key_with(Scope.FEEDBACK_WRITE, Scope.DATASET_WRITE))
    assert may_import.post(ADDRESS, item(origin=origin)).status_code == 201
    assert Feedback.objects.get().origin == origin


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"inputs": {}}, "inputs.text"),
        ({"inputs": {"text": "hi", "user": "u"}}, "inputs.user"),
        ({"corrected_output": {"other": 1}}, "corrected_output.label"),
        ({"score": 3}, "score"),
    ],
)
def test_a_refused_feedback_names_its_field_and_is_not_stored(api_client, item, changes, field):
    answer = api_client.post(ADDRESS, item(**changes))
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Feedback.objects.exists()
    assert not TaskCounter.objects.exists()


WHOLE = {"task": "triage", "inputs": {"text": "hi"}, "output": "x", "event_id": "e"}
OPEN = json.dumps(WHOLE).encode()[:-1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (OPEN + b',"score":NaN}', 400),
        (OPEN + b',"score":-Infinity}', 400),
        (OPEN + b',"metadata":{"n":1e999}}', 400),
        (OPEN + b',"metadata":{"n":' + b"9" * 6000 + b"}}", 400),
        (OPEN + b',"comment":"a\\u0000b"}', 400),
        (OPEN + b',"comment":"\\udc00"}', 400),
        (OPEN + b',"metadata":{"a":' + b"[" * 65 + b"]" * 65 + b"}}", 400),
        (OPEN + b',"metadata":{"a":' + b'{"a":' * 3000 + b"1" + b"}" * 3001 + b"}", 400),
        (OPEN + b',"comment":"' + b"x" * 300_000 + b'"}', 400),
        (OPEN + b',"comment":"' + b"x" * 1_100_000 + b'"}', 413),
        (OPEN + b',"comment":"' + b"x" * 11_000_000 + b'"}', 413),
    ],
)
def test_bad_deep_and_huge_json_is_a_clear_refusal(api_client, task, body, status):
    api_client.raise_request_exception = False
    for address in (ADDRESS, f"{ADDRESS}/batch"):
        batch = address.endswith("batch")
        sent = b"[" + body + b"]" if batch and body else body
        answer = api_client.generic("POST", address, sent, content_type="application/json")
        problem_or_items = answer.json()
        if batch and answer.status_code == 200:
            assert [one["status"] for one in problem_or_items] == [400]
        else:
            assert problem_or_items["status"] == answer.status_code
            assert answer.status_code in ((status, 400) if batch else (status,))
    assert not Feedback.objects.exists()


def test_an_unknown_task_is_not_made_by_a_key_that_may_only_log(client_with, api_key, item):
    answer = client_with(api_key).post(ADDRESS, item(task="unheard-of"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_task")
    assert Task.objects.count() == 1


def test_an_unknown_task_is_made_in_setup_state_where_the_key_may(api_client, item, project):
    sent = item(task="fresh", inputs={"text": "hi", "turn": 1}, output="a")
    assert api_client.post(ADDRESS, sent).status_code == 201
    task = Task.objects.get(slug="fresh")
    assert (task.project, task.student) == (project, "")
    assert task.output_schema == object_schema(output={"type": "string"})
    more = item(task="fresh", inputs={"text": "hi", "turn": 1, "tone": "kind"}, output="b")
    assert api_client.post(ADDRESS, more).status_code == 201


def test_a_name_that_is_no_slug_makes_no_task(api_client, item):
    answer = api_client.post(ADDRESS, item(task="no slug!"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "slug")


def test_another_projects_task_is_unknown(client_with, key_with, other_project, item):
    stranger = client_with(key_with(Scope.FEEDBACK_WRITE, project=other_project))
    assert stranger.post(ADDRESS, item()).json()["code"] == "unknown_task"


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/batch"])
def test_a_key_and_its_scope_are_needed(client_with, key_with, item, address):
    sent = [item()] if address.endswith("batch") else item()
    assert client_with("").post(address, sent).status_code == 401
    assert client_with("kz_live_unknown_key").post(address, sent).status_code == 401
    assert client_with(key_with(Scope.PROMPT_READ)).post(address, sent).status_code == 403
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/batch"])
def test_feedback_is_only_posted(api_client, method, address):
    assert getattr(api_client, method)(address).status_code == 405


def test_a_warm_post_takes_at_most_four_queries(api_client, item, django_assert_max_num_queries):
    sent = item()
    api_client.post(ADDRESS, sent)
    for event in (item(), sent):
        with django_assert_max_num_queries(4):
            UUID(api_client.post(ADDRESS, event).json()["id"])
