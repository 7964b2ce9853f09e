"""Jobs as people meet them: one that ended with trials and failures, one that failed."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from kaizen_engine.states import JobState, StopReason, Verdict
from optimization_app.models import Job
from projects_app.models import Project
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory, TrialFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

ESTIMATE = {
    "calls": [900, 1700],
    "tokens": [210_000, 400_000],
    "usd": ["0.0912", "0.1770"],
    "rows": {"train": 40, "dev": 120, "test": 40},
}
CURVE = (0.42, 0.55, None, 0.61, 0.58, 0.64, None, 0.7, 0.66, 0.72)


def ready_task(project: Project) -> Task:
    """A prompt that a job can be started for: live, priced, with something to learn from."""
    task = TaskFactory(project=project, slug="ready-to-start", scored=True)
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    TagFactory(version=PromptVersionFactory(task=task))
    FeedbackFactory.create_batch(5, task=task)
    return task


def add_trials(job: Job, *, count: int = len(CURVE)) -> None:
    for number, score in enumerate(CURVE[:count], 1):
        TrialFactory(
            job=job,
            number=number,
            score=0.5 if score is None else score,
            is_full=score is not None,
            rows=35 if score is None else 120,
            is_best=number == count,
            part="train" if score is None else "dev",
            cost_usd=Decimal("0.0123"),
            change_reason="instruction: 12 words added, 3 removed; 4 demonstrations added",
        )


def tried_job(draft: PromptVersion) -> Job:
    """A search that made the draft, and got some rows of dev wrong before and after."""
    job = JobFactory(
        seed_version=draft.parents.get(),
        succeeded=True,
        verdict=Verdict.CONFIRMED.value,
        result_version=draft,
        result={"evidence": draft.evidence},
        estimate=ESTIMATE,
        baseline_metric=0.5,
        current_best_metric=0.72,
        calls=1421,
        spent_usd=Decimal("0.117"),
    )
    add_trials(job)
    words = ("refund of my card", "parcel lost by the courier", "password reset again")
    for number in range(9):
        text = f"{words[number % 3]} and a long message about it, number {number}"
        row = ExampleFactory(task=draft.task, inputs={"text": text})
        for label, score, said in (("baseline_dev", 0.0, "shipping"), ("winner_dev", 0.2, "other")):
            EvaluationRowFactory(
                job=job,
                example=row,
                label=label,
                score=float(number == 8) if label == "winner_dev" else score,
                text=said,
                output={"label": said},
                reasons={"rubric": "It names the wrong desk."},
                votes={"rubric": [{"said": "bad"}, {"said": "bad"}, {"said": "good"}]},
            )
    return job


def failed_job(draft: PromptVersion) -> Job:
    """A search whose money ran out before anything was better."""
    return JobFactory(
        seed_version=draft.parents.get(),
        state=JobState.FAILED.value,
        stop_reason=StopReason.PROVIDER_DOWN.value,
        error="openai/gpt answered 503 three times in a row",
        estimate=ESTIMATE,
        baseline_metric=0.5,
        spent_usd=Decimal("0.031"),
        finished_at=timezone.now(),
    )


def searching_job(draft: PromptVersion) -> Job:
    """A search in its middle, on a prompt of its own: one prompt has one at a time."""
    version = PromptVersionFactory(task=TaskFactory(project=draft.task.project))
    job = JobFactory(
        seed_version=version,
        running=True,
        phase="search",
        progress=55,
        estimate=ESTIMATE,
        baseline_metric=0.5,
        current_best_metric=0.64,
        calls=611,
        spent_usd=Decimal("4.21"),
        started_at=timezone.now() - timedelta(minutes=4),
    )
    add_trials(job, count=6)
    return job
