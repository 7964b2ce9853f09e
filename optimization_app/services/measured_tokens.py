"""What a task's calls really took: its last job corrects what is guessed by length."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.estimate import MeanTokens
from llm_app.models import CallRecord
from optimization_app.models import EvaluationRow, Job
from prompts_app.models import PromptVersion
from tasks_app.models import Task

MOST_ROWS = 50
FEWEST_ROWS = 5

Count = Callable[[PromptVersion, Mapping[str, Any]], int]


@dataclass(frozen=True)
class Measured:
    """`ratio` is tokens billed for each token guessed, `answer` the mean of an answer."""

    ratio: float
    answer: float
    rows: int

    def correct(self, guessed: MeanTokens) -> MeanTokens:
        return MeanTokens(
            prompt=guessed.prompt * self.ratio,
            demo=(guessed.demo - guessed.answer) * self.ratio + self.answer,
            answer=self.answer,
        )


def measured_tokens(task: Task, student: str, count: Count) -> Measured | None:
    """Return what the baseline rows of the last job with this model took, if there are five."""
    job = (
        Job.objects.filter(task=task, config__student=student, calls__gt=0)
        .select_related("seed_version")
        .order_by("-id")
        .first()
    )
    if job is None:
        return None
    found = _baseline(job)
    guessed = sum(count(job.seed_version, inputs) for inputs, _ in found)
    if len(found) < FEWEST_ROWS or not guessed:
        return None
    billed = sum(answer["input_tokens"] for _, answer in found)
    answers = [answer["output_tokens"] for _, answer in found]
    return Measured(billed / guessed, fmean(answers), len(found))


def _baseline(job: Job) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return inputs and the billed answer of some rows that the job's first prompt answered."""
    rows = EvaluationRow.objects.filter(job=job, label="baseline_dev").order_by("id")
    by_hash = {
        row.messages_hash: row.example.inputs for row in rows.select_related("example")[:MOST_ROWS]
    }
    calls = CallRecord.objects.filter(
        subject=job.public_id, role=STUDENT, messages_hash__in=list(by_hash)
    ).values_list("messages_hash", "response")
    return [(by_hash[messages], response) for messages, response in calls]
