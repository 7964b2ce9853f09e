"""Prompts with images: stored by address or as data, rendered as parts, optimized around."""

import pytest

from feedback_app.models import Feedback
from feedback_app.services.feedback import feedback_consume
from kaizen_engine.evaluate.runner import build_request
from kaizen_engine.prompts.artifact import PromptArtifact
from optimization_app.config import JobConfig
from optimization_app.services.estimate import estimate_for
from optimization_app.services.prepare import job_prepare
from optimization_app.services.start import job_plan
from projects_app.exceptions import InvalidInput
from tests.factories.feedback import FeedbackFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory, object_schema

pytestmark = pytest.mark.django_db
IMAGE = {"type": "string", "contentMediaType": "image/*"}
SOUND = {"type": "string", "contentMediaType": "audio/mpeg"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def task_with(project, kind, **more):
    task = TaskFactory(
        project=project, input_schema=object_schema(shown=kind, note={"type": "string"}), **more
    )
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    artifact = {
        "schema": "kaizen.prompt/1",
        "layout": "chat",
        "system": "Name what is shown.",
        "user_template": "{{shown}} {{note}}",
        "inputs": [
            {"name": "shown", "type": "image_url" if kind is IMAGE else "audio_url"},
            {"name": "note", "type": "text"},
        ],
        "outputs": [{"name": "label", "type": "string"}],
        "model": task.student,
    }
    plain = PromptArtifact.from_dict(artifact).to_dict()
    TagFactory(version=PromptVersionFactory(task=task, artifact=plain))
    return task


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("https://example.org/a.png", 201),
        (PIXEL, 201),
        ("data:audio/mp3;base64,aGk=", 400),
        ("javascript:alert(1)", 400),
        ("data:image/png;base64," + "A" * 200_000, 400),
        (7, 400),
    ],
)
def test_an_image_is_an_address_or_a_small_data_uri(api_client, project, shown, status):
    task = task_with(project, IMAGE)
    item = {"task": task.slug, "event_id": "1", "inputs": {"shown": shown, "note": "n"}}
    answer = api_client.post("/api/v1/feedback", {**item, "output": "cat", "score": 1})
    assert answer.status_code == status, answer.content
    if status != 201:
        assert answer.json()["errors"][0]["field"] == "inputs.shown"
    assert Feedback.objects.count() == (status == 201)


def test_examples_with_images_reach_the_model_as_content_parts(project):
    task = task_with(project, IMAGE)
    for number in range(20):
        inputs = {"shown": f"https://example.org/{number}.png", "note": f"note {number}"}
        FeedbackFactory(task=task, inputs=inputs)
    version = task.versions.get()
    stored = JobConfig.of_task(task, {}).to_json()
    job = JobFactory(task=task, seed_version=version, running=True, config=stored)
    feedback_consume(task=task, job_id=job.public_id)
    spec = job_prepare(job, job.fence).spec
    assert len(spec.examples) == 20
    request = build_request(spec.artifact, spec.examples[0].inputs, spec.model)
    assert request.messages[-1]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.org/0.png"}},
        {"type": "text", "text": " note 0"},
    ]


def test_an_image_in_itself_costs_what_vendors_bill_and_not_its_length(project):
    task = task_with(project, IMAGE)
    sizes = []
    for text in ("https://example.org/a.png", "data:image/png;base64," + "A" * 100_000):
        Feedback.objects.filter(task=task).delete()
        FeedbackFactory.create_batch(25, task=task, inputs={"shown": text, "note": "n"})
        config = JobConfig.of_task(task, {"num_fewshot_examples": 1, "num_trials": 1})
        sizes.append(estimate_for(task, task.versions.get(), config).range.tokens_low)
    assert sizes[1] < 20 * sizes[0]


def test_sound_is_stored_and_a_job_says_that_it_is_not_optimized(api_client, project):
    task = task_with(project, SOUND)
    inputs = {"shown": "https://example.org/a.mp3", "note": "n"}
    item = {"task": task.slug, "event_id": "1", "inputs": inputs, "output": "hello"}
    assert api_client.post("/api/v1/feedback", item).status_code == 201
    with pytest.raises(InvalidInput, match="stored, and not optimized") as refusal:
        job_plan(task, {})
    assert refusal.value.code == "audio_not_optimized"
