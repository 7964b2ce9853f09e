"""POST /feedback/batch: each item answered in its place, all of them stored in one commit."""

import pytest

from feedback_app.models import Feedback, TaskCounter
from projects_app.models import Scope
from tests.factories.tasks import TaskFactory
from tests.feedback_app.conftest import ADDRESS, BATCH_ADDRESS

pytestmark = pytest.mark.django_db


def test_each_item_is_answered_in_its_place(api_client, item):
    stored = item()
    api_client.post(ADDRESS, stored)
    fresh, twin = item(), item()
    sent = [
        fresh,
        stored,
        {**stored, "score": 0.1},
        item(score=7),
        item(inputs={}),
        twin,
        twin,
        {**twin, "comment": "another"},
    ]
    answer = api_client.post(BATCH_ADDRESS, sent)
    assert answer.status_code == 200
    found = [(one["event_id"], one["status"], one.get("code")) for one in answer.json()]
    statuses = [201, 200, 409, 400, 400, 201, 200, 409]
    conflict = "event_id_conflict"
    codes = [None, None, conflict, "invalid", "invalid", None, None, conflict]
    ids = [one["event_id"] for one in sent]
    assert found == list(zip(ids, statuses, codes, strict=True))


def test_the_counter_equals_the_rows_after_mixed_duplicates(api_client, item, task, project):
    other = TaskFactory(project=project, slug="other")
    first = [item(), item(), item(task="other")]
    again = [first[0], item(), first[0], item(task="other"), {**first[1], "score": 0}]
    for sent in (first, again, again, first):
        api_client.post(BATCH_ADDRESS, sent)
    for one, rows in ((task, 3), (other, 2)):
        assert Feedback.objects.filter(task=one).count() == rows
        counter = TaskCounter.objects.get(task=one)
        assert (counter.unconsumed, counter.total) == (rows, rows)


def test_an_unknown_task_and_a_missing_right_are_answered_by_item(client_with, api_key, item):
    sent = [item(task="unheard-of"), item(origin="import"), item()]
    answers = client_with(api_key).post(BATCH_ADDRESS, sent).json()
    assert [(one["status"], one.get("code")) for one in answers] == [
        (404, "unknown_task"),
        (403, "not_allowed"),
        (201, None),
    ]


def test_an_unknown_task_is_made_once_for_a_batch(api_client, item):
    sent = [item(task="fresh", output=text) for text in ("a", "b", "c")]
    answers = api_client.post(BATCH_ADDRESS, sent).json()
    assert [one["status"] for one in answers] == [201, 201, 201]
    assert TaskCounter.objects.get(task__slug="fresh").unconsumed == 3


def test_an_empty_batch_is_answered_with_nothing(api_client):
    answer = api_client.post(BATCH_ADDRESS, [])
    assert (answer.status_code, answer.json()) == (200, [])


def test_too_many_items_are_refused_as_a_whole(api_client, item):
    answer = api_client.post(BATCH_ADDRESS, [item() for _ in range(501)])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not Feedback.objects.exists()


def test_another_projects_task_is_unknown(client_with, key_with, other_project, item):
    stranger = client_with(key_with(Scope.FEEDBACK_WRITE, project=other_project))
    assert [one["status"] for one in stranger.post(BATCH_ADDRESS, [item()]).json()] == [404]


@pytest.mark.parametrize("size", [1, 100, 500])
def test_a_batch_takes_the_same_queries_whatever_its_size(
    api_client, item, size, django_assert_max_num_queries
):
    api_client.post(BATCH_ADDRESS, [item()])
    repeated = item()
    api_client.post(ADDRESS, repeated)
    with django_assert_max_num_queries(4):
        sent = [*(item() for _ in range(size - 1)), repeated]
        assert len(api_client.post(BATCH_ADDRESS, sent).json()) == size


@pytest.mark.parametrize(
    "value", ["text", 7, 2**70, 1.5, -0.001, True, None, [1, "x"], {"k": {"n": None}}]
)
def test_values_come_back_as_they_were_sent(api_client, item, project, value):
    TaskFactory(project=project, slug="open", input_schema={}, output_schema={})
    sent = item(
        task="open", inputs={"value": value}, output={"value": value}, metadata={"v": value}
    )
    assert api_client.post(BATCH_ADDRESS, [sent]).json()[0]["status"] == 201
    row = Feedback.objects.get()
    assert row.inputs == row.output == {"value": value}
    assert row.metadata == {"v": value}
    assert Feedback.objects.filter(corrected_output__isnull=True, output__isnull=False).exists()
