"""Datasets over HTTP: the form, what it answers, and a job that works on one alone."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from feedback_app.models import Dataset, Feedback
from optimization_app.config import JobConfig
from optimization_app.models import Job
from projects_app.models import Scope
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
UPLOAD = "/api/v1/datasets/upload"


@pytest.fixture
def post(api_client, task):
    def call(content=b"text,label\nhello,billing\nshort\n", name="rows.csv", **fields):
        form = {"file": SimpleUploadedFile(name, content), "name": "first"} | fields
        return api_client.post(UPLOAD, form, format="multipart")

    return call


def test_a_file_becomes_a_dataset_with_counts_and_errors_by_line(post, api_client):
    answer = post(input_fields="text", output_fields='["label"]', task="triage", split="test")
    body = answer.json()
    assert answer.status_code == 201
    assert (body["rows"], body["splits"], body["stored"], body["failed"]) == (1, {"test": 1}, 1, 1)
    assert body["problems"] == [{"line": 3, "message": "has 1 cells, the header has 2"}]
    shown = api_client.get(f"/api/v1/datasets/{body['dataset_id']}").json()
    assert shown == body
    assert api_client.get("/api/v1/datasets").json()[0]["hash"] == body["hash"]


def test_the_same_file_again_is_the_same_dataset(post):
    first, again = post(), post()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["dataset_id"] == again.json()["dataset_id"]


def test_without_a_task_the_only_one_that_takes_the_inputs_is_meant(post, project):
    assert post(input_fields="text").json()["task"] == "triage"
    TaskFactory(project=project)
    answer = post(input_fields="text")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "task")


def test_a_wrong_column_and_a_binary_file_name_what_is_wrong(post):
    answer = post(input_fields="question=text", task="triage")
    assert answer.status_code == 400
    assert "it has: text, label" in answer.json()["detail"]
    assert "not text" in post(b"\x89PNG\r\n\x00\x01\x00\x00", task="triage").json()["detail"]
    assert "empty" in post(b"", task="triage").json()["detail"]
    assert not Dataset.objects.exists()


def test_a_key_without_the_scope_stores_nothing(key_with, client_with, task):
    client = client_with(key_with(*(set(Scope) - {Scope.DATASET_WRITE})))
    file = SimpleUploadedFile("rows.csv", b"text,label\na,b\n")
    answer = client.post(UPLOAD, {"file": file, "name": "x"}, format="multipart")
    assert answer.status_code == 403


@pytest.fixture
def ready(task):
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    TagFactory(version=PromptVersionFactory(task=task))
    FeedbackFactory.create_batch(30, task=task)
    return task


def start(client, task, dataset):
    body = {"prompt_id": str(task.public_id), "dataset_id": str(dataset.public_id)}
    return client.post("/api/v1/optimization/start", body)


def test_a_job_on_a_dataset_leaves_the_feedback_to_the_next(api_client, ready):
    dataset = DatasetFactory(task=ready, frozen=True)
    for number in range(30):
        split = "train" if number < 10 else "dev"
        ExampleFactory(task=ready, dataset=dataset, split=split, origin="import")
    answer = start(api_client, ready, dataset)
    assert answer.status_code == 202, answer.content
    assert answer.json()["estimate"]["rows"] == {"train": 10, "dev": 20, "test": 0}
    assert JobConfig.from_json(Job.objects.get().config).dataset_id == str(dataset.public_id)
    assert not Feedback.objects.exclude(consumed_by=None).exists()


def test_a_dataset_of_another_task_or_one_that_is_not_whole_is_unknown(api_client, ready):
    for dataset in (DatasetFactory(frozen=True), DatasetFactory(task=ready)):
        answer = start(api_client, ready, dataset)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_dataset")
    assert not Job.objects.exists()
