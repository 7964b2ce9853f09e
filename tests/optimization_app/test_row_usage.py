"""How each row was used: counted when a job freezes its rows, and shown on its page."""

from typing import Any

import pytest

from feedback_app.row_words import usage_of
from feedback_app.services.feedback import feedback_consume
from kaizen_engine.evaluate.runner import Example as EngineExample
from kaizen_engine.prompts.artifact import Demo, PromptArtifact
from kaizen_engine.states import Origin, Split
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.prepare import Prepared, job_prepare
from optimization_app.services.row_usage import usage_of_winner
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
RUBRIC = {"kind": "rubric", "model": "local/demo", "rubric": "Is it right?"}


def prepare(task: Any, **config: Any) -> tuple[Job, Prepared]:
    stored = JobConfig.of_task(task, config).to_json()
    version = PromptVersionFactory(task=task)
    job = JobFactory(task=task, seed_version=version, running=True, config=stored)
    feedback_consume(task=task, job_id=job.public_id)
    return job, job_prepare(job, job.fence)


def test_every_row_is_counted_once_by_origin_and_role_or_by_why_it_was_left_out(project):
    task = TaskFactory(project=project)
    FeedbackFactory.create_batch(20, task=task)
    FeedbackFactory.create_batch(3, task=task, score=0.0, comment="too long")
    FeedbackFactory.create_batch(2, task=task, score=0.0)
    FeedbackFactory(task=task, score=None, origin="random")
    FeedbackFactory(task=task, output={"other": "x"})
    for split, deciding in (("dev", True), ("test", True), ("red_team", False)):
        inputs = {"text": f"only in {split}"}
        ExampleFactory(task=task, split=split, is_deciding=deciding, inputs=inputs)
    _, prepared = prepare(task)
    assert {(origin, role): rows for origin, role, rows in prepared.usage["used"]} == {
        ("user", "train"): 4,
        ("user", "dev_reported"): 16,
        ("user", "lesson"): 3,
        ("random", "dev_deciding"): 1,
        ("random", "holdout_deciding"): 1,
        ("random", "red_team"): 1,
    }
    assert prepared.usage["left_out"] == {"not_fitting": 1, "unjudged": 1, "silent": 2}


def test_a_judge_lets_rated_answers_and_open_calls_into_dev_and_hold_out(project):
    task = TaskFactory(project=project, scored=True, evaluator=RUBRIC)
    FeedbackFactory.create_batch(100, task=task, score=None, thumb=False, comment="rude")
    FeedbackFactory.create_batch(100, task=task, score=None)
    _, prepared = prepare(task)
    roles = {role for _, role, _ in prepared.usage["used"]}
    assert roles == {"train", "lesson", "dev_deciding", "holdout_deciding"}
    rated = [row for row in prepared.spec.examples if row.rated_score == 0.0]
    assert {row.split for row in rated} == {Split.TRAIN, Split.DEV, Split.TEST}
    assert all(row.rated_output == {"label": "billing"} and row.comment == "rude" for row in rated)


def test_a_job_on_a_dataset_says_what_it_did_not_read(project):
    task = TaskFactory(project=project)
    dataset = DatasetFactory(task=task, frozen=True)
    ExampleFactory.create_batch(5, task=task, split="train")
    ExampleFactory.create_batch(7, task=task, dataset=dataset, split="dev", origin="import")
    _, prepared = prepare(task, dataset_id=str(dataset.public_id))
    assert prepared.usage["left_out"] == {"other_rows": 5}
    assert len(prepared.spec.examples) == 7


def test_what_the_winner_shows_is_counted_apart(project):
    rows = [
        EngineExample(
            str(n), {"text": f"row {n}"}, {"label": "x"}, Split.TRAIN, "g", Origin.USER, False
        )
        for n in range(3)
    ]
    demos = (Demo({"text": "ROW 1"}, {"label": "x"}),)
    artifact = PromptArtifact("s", "{{text}}", (), (), demos)
    usage = {"used": [["user", "train", 3]], "left_out": {}}
    found = usage_of_winner(usage, artifact, rows)
    assert found["used"] == [["user", "demonstration", 1], ["user", "train", 2]]


def test_words_shared_with_train_are_frozen_and_told(project):
    task = TaskFactory(project=project)
    words = "please send the money back to my old bank account"
    ExampleFactory(task=task, inputs={"text": f"hello there {words}"}, split="train")
    ExampleFactory(task=task, inputs={"text": f"{words} or I will complain"}, split="dev")
    _, prepared = prepare(task)
    shown = usage_of({"usage": prepared.usage, "leakage": prepared.leakage})
    assert shown is not None
    assert shown.leaks == "1 of 1 dev rows share eight words in a row with train"
    assert usage_of({}) is None


def test_the_job_s_page_shows_it_while_it_runs(client, viewer, project):
    task = TaskFactory(project=project)
    FeedbackFactory.create_batch(10, task=task)
    job, _ = prepare(task)
    client.force_login(viewer)
    page = client.get(f"/p/{project.slug}/jobs/{job.public_id}/").content.decode()
    assert "How each row was used" in page
    assert "dev, reported beside" in page
