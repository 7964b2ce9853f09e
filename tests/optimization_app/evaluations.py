"""An evaluation from its start to its end in this process, with a model that is in it as well."""

from typing import Any

from feedback_app.models import Example
from kaizen_engine.states import GateBasis
from llm_app.models import LedgerEntry
from optimization_app.models import Job
from optimization_app.run import run_claimed_job
from optimization_app.services.evaluate import evaluation_start
from optimization_app.services.lease import job_claim
from projects_app.actors import Actor
from prompts_app.models import PromptVersion
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory
from tests.factories.prompts import artifact_for
from tests.optimization_app import stage

CUES = "\n".join(f"{label}: {words.replace(' ', ', ')}" for label, words in stage.WORDS.items())


def build(rows: dict[str, int], **settings: Any) -> Task:
    """Return a task whose live version knows nothing, with so many rows in each split."""
    stage.build_task("", **settings)
    task = Task.objects.select_related("project", "student_connection").get()
    texts = stage.messages(sum(rows.values()))
    for split, count in rows.items():
        add_rows(task, [texts.pop() for _ in range(count)], split)
    return task


def add_rows(task: Task, texts: list[tuple[str, str]], split: str = "dev") -> None:
    made = [
        ExampleFactory.build(
            task=task, inputs={"text": text}, outputs={"label": label}, split=split, kind="label"
        )
        for text, label in texts
    ]
    Example.objects.bulk_create(made)


def edited(task: Task, system: str = f"Label the text.\n{CUES}") -> PromptVersion:
    """Return a person's edit of the live version that does much better."""
    live = PromptVersion.objects.get(task=task, tags__name="production")
    version, _ = version_create(
        actor=Actor.system(task.project_id),
        task=task,
        artifact=artifact_for(task, system),
        parents=[live],
        author_label="user:editor",
    )
    return version


def live(task: Task) -> PromptVersion:
    return PromptVersion.objects.select_related("task").get(task=task, tags__name="production")


def evaluate(version: PromptVersion, **asked: Any) -> Job:
    """Start the evaluation, work on it right here, and return the ended job."""
    actor = Actor.system(version.task.project_id)
    job, _ = evaluation_start(actor=actor, version=version, trigger="test", **asked)
    return work_on(job)


def work_on(job: Job) -> Job:
    claim = job_claim(job.pk, "test")
    assert claim
    run_claimed_job(job.pk, claim.fence)
    return Job.objects.select_related("task", "seed_version", "result_version").get(pk=job.pk)


def calls_of(job: Job) -> int:
    return LedgerEntry.objects.filter(subject=job.public_id, is_upper_bound=False).count()


def promote(version: PromptVersion, basis: GateBasis = GateBasis.EVIDENCE) -> None:
    actor = Actor.system(version.task.project_id)
    version_promote(actor=actor, task=version.task, version=version, basis=basis)
