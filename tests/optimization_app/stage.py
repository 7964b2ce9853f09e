"""A task worth optimizing, built inside an installation; the tests call these by its shell."""

import random
from decimal import Decimal
from typing import Any

from django.db import transaction

from feedback_app.models import Feedback
from feedback_app.services.feedback import feedback_log_batch
from feedback_app.wire import FeedbackItem
from kaizen_engine.states import GateBasis
from llm_app.models import CallRecord, ConnectionKind, LedgerEntry
from llm_app.services.connections import connection_create, price_set
from optimization_app.models import Job
from optimization_app.services.evaluate import evaluation_start
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from projects_app.models import Project
from prompts_app.models import PromptVersion
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create
from tasks_app.models import Task
from tests.factories.prompts import artifact_for
from tests.factories.tasks import TaskFactory, object_schema

SEED = 8
WORDS = {
    "K1": "refund invoice charged money card statement bill payment",
    "K2": "parcel courier delivery late tracking address shipped box",
    "K3": "password login locked account reset email code sign",
    "K4": "broken screen crash error button freezes version update",
}
FILLERS = "please help my the a today again since yesterday and why is".split()  # noqa: SIM905


def messages(rows: int, seed: int = 1) -> list[tuple[str, str]]:
    """Return texts with their labels, which cannot be guessed from the labels' names."""
    lots = random.Random(seed)
    labels = sorted(WORDS)
    made = []
    for number in range(rows):
        label = labels[number % len(labels)]
        words = lots.sample(WORDS[label].split(), 3) + lots.sample(FILLERS, 4)
        lots.shuffle(words)
        made.append((f"{' '.join(words)} {number}", label))
    return made


def build_task(base_url: str, *, threshold: int = 10_000, **settings: Any) -> int:
    """Create a project with a task that has a live version, and a priced model behind a URL."""
    project = Project.objects.create(slug="support", name="Support")
    actor = Actor.system(project.pk)
    connection = connection_create(
        actor=actor,
        project=project,
        slug="local",
        kind=ConnectionKind.OPENAI if base_url else ConnectionKind.DEMO,
        base_url=base_url,
        secret="sk-for-tests-only",
    )
    price_set(
        actor=actor,
        connection=connection,
        model="demo",
        input_usd_per_mtok=Decimal(1),
        output_usd_per_mtok=Decimal(2),
        source="test",
    )
    return add_task("triage", threshold=threshold, **settings)


def add_task(slug: str, **settings: Any) -> int:
    """Create one more task with a live version, served by the project's connection."""
    project = Project.objects.get()
    task = TaskFactory(
        project=project,
        slug=slug,
        student_connection=project.connections.get(),
        student_model="demo",
        scored=True,
        output_schema=object_schema(label={"type": "string", "enum": sorted(WORDS)}),
        **settings,
    )
    actor = Actor.system(project.pk)
    version, _ = version_create(actor=actor, task=task, artifact=artifact_for(task))
    version_promote(actor=actor, task=task, version=version, basis=GateBasis.IMPORT)
    return task.pk


def task_of(slug: str = "") -> Task:
    """Return the task with this slug, or the only one there is."""
    return Task.objects.get(**({"slug": slug} if slug else {}))


def log(rows: int, *, first: int = 0, total: int = 0, slug: str = "") -> None:
    """Log scored feedback with the right label as its correction."""
    task = task_of(slug)
    items = [
        FeedbackItem(
            task=task.slug,
            event_id=f"{slug or 'event'}-{number}",
            inputs={"text": text},
            output={"label": "K1"},
            score=0.0,
            corrected_output={"label": label},
        )
        for number, (text, label) in enumerate(messages(total or first + rows))
        if first <= number < first + rows
    ]
    answers = feedback_log_batch(actor=Actor.system(task.project_id), items=items)
    assert {answer.status for answer in answers} == {201}, answers


def forget_all_but(rows: int) -> None:
    keep = Feedback.objects.order_by("id").values_list("pk", flat=True)[:rows]
    Feedback.objects.exclude(pk__in=list(keep)).delete()


def start(slug: str = "", **config: Any) -> int:
    """Queue a job of the stage's seed, so that the calls of two jobs can be compared."""
    task = task_of(slug)
    with transaction.atomic():
        job, created = job_start(
            actor=Actor.system(task.project_id), task=task, trigger="test", config=config
        )
        Job.objects.filter(pk=job.pk).update(seed=SEED)
    assert created
    return job.pk


def facts(job_id: int) -> dict[str, Any]:
    """Return what a test asserts about a job."""
    job = Job.objects.get(pk=job_id)
    drafts = PromptVersion.objects.filter(origin_job=job.public_id)
    charged = LedgerEntry.objects.filter(subject=job.public_id)
    return {
        "state": job.state,
        "stop_reason": job.stop_reason,
        "verdict": job.verdict,
        "error": job.error,
        "attempts": job.attempts,
        "fence": job.fence,
        "phase": job.phase,
        "progress": job.progress,
        "calls": job.calls,
        "spent_usd": str(job.spent_usd),
        "spent_tokens": job.spent_tokens,
        "trials": job.trials.count(),
        "drafts": drafts.count(),
        "artifact": job.result.get("artifact") is not None,
        "steps": sorted(job.steps.values_list("name", flat=True)),
        "records": CallRecord.objects.filter(subject=job.public_id).count(),
        "lost": charged.filter(is_upper_bound=True).count(),
        "ledger_usd": str(sum((entry.cost_usd for entry in charged), Decimal(0))),
        "estimate": job.estimate,
        "baseline": job.baseline_metric,
        "best": job.current_best_metric,
    }


def start_evaluation(**asked: Any) -> int:
    """Queue the evaluation of the live version beside a new one of the same task."""
    task = Task.objects.get()
    live = PromptVersion.objects.select_related("task").get(tags__name="production")
    actor = Actor.system(task.project_id)
    version, _ = version_create(
        actor=actor, task=task, artifact=artifact_for(task, "Name the label."), parents=[live]
    )
    job, created = evaluation_start(actor=actor, version=version, trigger="test", **asked)
    assert created
    return job.pk
