"""An estimate learns from the task's own calls what its model bills."""

from decimal import Decimal

import pytest

from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.estimate import estimate_for
from optimization_app.services.measured_tokens import measured_tokens
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory
from tests.factories.llm import CallRecordFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory

pytestmark = pytest.mark.django_db


def estimate(task: Task, version: PromptVersion) -> tuple[int, Decimal]:
    found = estimate_for(task, version, JobConfig.of_task(task, {})).range
    assert found.usd_high is not None
    return found.tokens_high, found.usd_high


def recorded(task: Task, version: PromptVersion, rows: int, tokens: tuple[int, int]) -> Job:
    """A job of the past whose calls were billed so."""
    config = {"student": task.student}
    job = JobFactory(task=task, seed_version=version, succeeded=True, calls=rows, config=config)
    for number in range(rows):
        messages = f"{job.pk}-{number}"
        EvaluationRowFactory(job=job, messages_hash=messages)
        response = {"text": "", "input_tokens": tokens[0], "output_tokens": tokens[1]}
        CallRecordFactory(subject=job.public_id, messages_hash=messages, response=response)
    return job


def test_what_was_billed_corrects_the_guess(ready_task: Task, live_version: PromptVersion) -> None:
    guessed, _ = estimate(ready_task, live_version)
    recorded(ready_task, live_version, 5, (10_000, 500))
    tokens, usd = estimate(ready_task, live_version)
    assert tokens > 20 * guessed
    assert usd > 0


def test_four_rows_or_another_model_teach_nothing(
    ready_task: Task, live_version: PromptVersion
) -> None:
    recorded(ready_task, live_version, 4, (10_000, 500))
    other = recorded(ready_task, live_version, 9, (10_000, 500))
    Job.objects.filter(pk=other.pk).update(config={"student": "another/model"})
    assert measured_tokens(ready_task, ready_task.student, lambda *_: 100) is None
    found = measured_tokens(ready_task, "another/model", lambda *_: 100)
    assert found is not None
    assert (found.ratio, found.answer, found.rows) == (100.0, 500.0, 9)


def test_rows_that_may_not_be_lost_are_counted(
    ready_task: Task, live_version: PromptVersion
) -> None:
    config = JobConfig.of_task(ready_task, {})
    before = estimate_for(ready_task, live_version, config).range
    ExampleFactory(task=ready_task, split="red_team")
    after = estimate_for(ready_task, live_version, config).range
    assert after.calls_low == before.calls_low + 6
    assert after.usd_high > before.usd_high
    assert after.usd_high <= 2 * after.usd_low
