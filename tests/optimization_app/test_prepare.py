"""What a job works on: frozen once, a sample where there is much, nothing that was shown."""

from typing import Any

import pytest
from django.db import connection

from feedback_app.models import Example
from feedback_app.services.feedback import feedback_consume
from llm_app.writer import LostLease
from optimization_app.config import JobConfig
from optimization_app.models import Job, Step
from optimization_app.services.prepare import Prepared, job_prepare
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory, artifact_for

pytestmark = pytest.mark.django_db


def prepare(task: Task, seed: PromptVersion, **config: Any) -> tuple[Job, Prepared]:
    stored = JobConfig.of_task(task, config).to_json()
    job = JobFactory(task=task, seed_version=seed, running=True, config=stored, seed=7)
    feedback_consume(task=task, job_id=job.public_id)
    return job, job_prepare(job, job.fence)


def demonstrating(task: Task, texts: list[str]) -> PromptVersion:
    demos = [{"inputs": {"text": text}, "outputs": {"label": "billing"}} for text in texts]
    artifact = artifact_for(task).to_dict() | {"demos": demos}
    return PromptVersionFactory(task=task, artifact=artifact)


def test_what_any_live_version_or_the_seed_demonstrates_is_never_held_out(task: Task) -> None:
    production = demonstrating(task, [f"shown {n}" for n in range(60)])
    canary = demonstrating(task, [f"shown {n}" for n in range(60, 120)])
    seed = demonstrating(task, [f"shown {n}" for n in range(120, 150)])
    TagFactory(version=production)
    TagFactory(version=canary, name="canary")
    for text in [f"shown {n}" for n in range(150)] + [f"fresh {n}" for n in range(60)]:
        FeedbackFactory(task=task, inputs={"text": text})
    _, prepared = prepare(task, seed)
    held_out = [row.inputs["text"] for row in prepared.spec.examples if row.split == "test"]
    assert len(held_out) == 42
    assert all(text.startswith("fresh") for text in held_out)


def test_a_job_searches_on_a_seeded_sample_of_whole_groups(
    task: Task, live_version: PromptVersion
) -> None:
    for split, rows in (("dev", 60), ("train", 30)):
        for number in range(rows):
            ExampleFactory(task=task, split=split, group=f"{split} {number // 3}")
    job, prepared = prepare(task, live_version, max_dev_rows=40, max_train_rows=10)
    rows = prepared.spec.examples
    assert sum(row.split == "dev" for row in rows) == 39
    assert sum(row.split == "train" for row in rows) == 9
    assert prepared.left_out == {"dev": 21, "train": 21}
    assert all(sum(row.group == each.group for each in rows) == 3 for row in rows)
    assert Example.objects.filter(is_seen=True).count() == 48
    assert job_prepare(job, job.fence) == prepared


def test_whether_a_row_decides_is_frozen_with_it(task: Task, live_version: PromptVersion) -> None:
    ExampleFactory.create_batch(40, task=task, split="test")
    job, prepared = prepare(task, live_version)
    Example.objects.update(is_deciding=False)
    again = job_prepare(job, job.fence)
    assert again == prepared
    assert len(again.looked_at) == 40


def test_who_lost_the_job_prepares_nothing(task: Task, live_version: PromptVersion) -> None:
    FeedbackFactory.create_batch(30, task=task)
    job = JobFactory(seed_version=live_version, running=True)
    feedback_consume(task=task, job_id=job.public_id)
    with pytest.raises(LostLease):
        job_prepare(job, job.fence - 1)
    assert not Step.objects.exists()
    assert not Example.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_computed_while_the_database_is_locked(
    task: Task, live_version: PromptVersion
) -> None:
    """Rows are read, checked and dealt out between transactions, which only write."""
    FeedbackFactory.create_batch(200, task=task)
    held: list[str] = []

    def note(run: Any, sql: str, *rest: Any) -> Any:
        if connection.in_atomic_block:
            held.append(sql)
        return run(sql, *rest)

    with connection.execute_wrapper(note):
        prepare(task, live_version)
    reads = [sql for sql in held if sql.startswith("SELECT") and "feedback_app" in sql]
    assert not [sql for sql in reads if '"feedback_app_example"."inputs"' in sql]
    assert not [sql for sql in reads if '"feedback_app_feedback"."inputs"' in sql]
