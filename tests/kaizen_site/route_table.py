"""How to make a valid call to every route of the API, against the objects of one project.

The matrix compares this table, written by hand, with the OpenAPI document: a route that is in one
and not in the other fails, so that nobody adds a route without saying who may see what on it.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Model

from feedback_app.models import Dataset, Feedback, TaskCounter
from kaizen_engine.states import GateBasis
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.models import ApiKey, Project, Scope
from prompts_app.models import GateResult, PromptVersion, Tag
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory


@dataclass(frozen=True)
class World:
    """What one project owns: a task with a history, two jobs, and a task that may be optimized."""

    project: Project
    task: Task
    proven: PromptVersion
    ready: Task
    running: Job
    finished: Job
    evaluation: Job
    key: ApiKey
    dataset: Dataset

    @property
    def names(self) -> set[str]:
        """Every name and id by which something of this project could be known."""
        tasks = Task.objects.filter(project=self.project)
        versions = PromptVersion.objects.filter(task__project=self.project)
        jobs = Job.objects.filter(task__project=self.project)
        keys = ApiKey.objects.filter(project=self.project)
        datasets = Dataset.objects.filter(project=self.project)
        ids = [row.public_id for rows in (tasks, versions, jobs, keys, datasets) for row in rows]
        return {task.slug for task in tasks} | {str(one) for one in ids}


def build_world(project: Project) -> World:
    task = TaskFactory(project=project, slug=f"{project.slug}-history")
    system = Actor.system(project.pk)
    first = PromptVersionFactory(task=task)
    second = PromptVersionFactory(task=task, proven=first, parents=[first])
    for version, basis in ((first, GateBasis.IMPORT), (second, GateBasis.EVIDENCE)):
        version_promote(actor=system, task=task, version=version, basis=basis)
    proven = PromptVersionFactory(task=task, proven=second, parents=[second])
    return World(
        project=project,
        task=task,
        proven=proven,
        ready=_ready_task(project),
        running=_job(project, "running", running=True),
        finished=JobFactory(
            seed_version=second, result_version=proven, succeeded=True, recorded=True
        ),
        evaluation=JobFactory(seed_version=second, evaluating=proven),
        key=ApiKeyFactory(project=project),
        dataset=_dataset(task),
    )


def _dataset(task: Task) -> Dataset:
    dataset = DatasetFactory(task=task, name=f"{task.slug} rows", frozen=True)
    ExampleFactory(task=task, dataset=dataset, origin="import")
    return dataset


def _ready_task(project: Project) -> Task:
    task = TaskFactory(project=project, slug=f"{project.slug}-ready", scored=True)
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    version = PromptVersionFactory(task=task)
    system = Actor.system(project.pk)
    version_promote(actor=system, task=task, version=version, basis=GateBasis.IMPORT)
    FeedbackFactory.create_batch(5, task=task)
    TaskCounter.objects.update_or_create(task=task, defaults={"unconsumed": 5, "total": 5})
    return task


def _job(project: Project, name: str, **state: bool) -> Job:
    task = TaskFactory(project=project, slug=f"{project.slug}-{name}")
    return JobFactory(seed_version=PromptVersionFactory(task=task), **state)


def footprint(world: World) -> dict[str, Any]:
    """Return what a refused write must leave as it was."""
    mine = {"task__project": world.project}
    return {
        "feedback": Feedback.objects.filter(project=world.project).count(),
        "tasks": Task.objects.filter(project=world.project).count(),
        "datasets": Dataset.objects.filter(project=world.project).count(),
        "versions": PromptVersion.objects.filter(**mine).count(),
        "gates": GateResult.objects.filter(version__task__project=world.project).count(),
        "tags": list(Tag.objects.filter(**mine).values_list("pk", "version_id", "revision")),
        "revoked": ApiKey.objects.values_list("revoked_at").get(pk=world.key.pk),
        "jobs": list(Job.objects.filter(**mine).values_list("pk", "state", "cancel_requested")),
    }


@dataclass(frozen=True)
class Call:
    """One request. `named` is the id or slug of the object it is about.

    With a `file` the body is a form that has it.
    """

    path: str
    body: Any = None
    named: str = ""
    file: str = ""

    def about_nothing(self) -> "Call":
        """Return the same call about an object that nobody has."""
        other = self.stranger
        body = json.loads(json.dumps(self.body).replace(self.named, other))
        return replace(self, path=self.path.replace(self.named, other), body=body, named=other)

    @property
    def stranger(self) -> str:
        try:
            uuid.UUID(self.named)
        except ValueError:
            return "nobody-has-this"
        return "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Route:
    """`also` are scopes the service asks for on top; `creates` what a good call makes."""

    call: Callable[[World], Call]
    status: int = 200
    also: tuple[Scope, ...] = ()
    creates: type[Model] | None = None
    is_list: bool = False
    query: tuple[str, ...] = field(default=())


def _feedback(world: World) -> dict[str, Any]:
    return {
        "task": world.task.slug,
        "inputs": {"text": "where is my parcel"},
        "output": {"label": "shipping"},
        "event_id": uuid.uuid4().hex,
        "score": 1,
        "thumb": True,
        "comment": "good",
        "corrected_output": {"label": "shipping"},
        "metrics": {"seconds": 0.5},
        "metadata": {"who": "a test"},
        "origin": "user",
        "prompt_hash": "0" * 64,
    }


def _prompt(world: World) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return {
        "name": f"new-{uuid.uuid4().hex[:8]}",
        "messages": [{"role": "user", "content": "Label {{text}}"}],
        "input_schema": schema,
        "output_schema": schema | {"properties": {"text": {"type": "string"}}},
        "model": world.ready.student,
    }


def _version(world: World) -> dict[str, Any]:
    artifact = world.proven.artifact | {"system": "A new way."}
    return {"artifact": artifact, "parent": str(world.proven.public_id), "change_reason": "better"}


def _of_prompt(action: str, body: Callable[[World], Any]) -> Callable[[World], Call]:
    def call(world: World) -> Call:
        named = str(world.task.public_id)
        return Call(f"/api/v1/prompts/{named}/{action}", body(world), named)

    return call


def _of_job(which: str, action: str = "", body: Any = None) -> Callable[[World], Call]:
    def call(world: World) -> Call:
        named = str(getattr(world, which).public_id)
        return Call(f"/api/v1/optimization/jobs/{named}{action}", body, named)

    return call


def _start(world: World) -> Call:
    named = str(world.ready.public_id)
    config = {"optimizer_type": "bootstrap", "num_trials": 2, "budget_usd": 50, "minutes": 5}
    return Call("/api/v1/optimization/start", {"prompt_id": named, "config": config}, named)


def _upload(world: World) -> Call:
    named = world.task.slug
    body = {"name": "new rows", "task": named, "input_fields": "text", "output_fields": "label"}
    return Call("/api/v1/datasets/upload", body, named, file="text,label\nhello,shipping\n")


def _of_dataset(world: World) -> Call:
    named = str(world.dataset.public_id)
    return Call(f"/api/v1/datasets/{named}", named=named)


def _evaluation(world: World) -> Call:
    named = str(world.ready.public_id)
    return Call("/api/v1/evaluations", {"prompt_id": named, "config": {"minutes": 5}}, named)


def _move(world: World) -> dict[str, Any]:
    version = str(world.proven.public_id)
    return {"version": version, "tag": "production", "reason": "proven", "expected_revision": 2}


ROUTES: dict[str, Route] = {
    "GET /health": Route(lambda world: Call("/health")),
    "GET /api/v1/keys": Route(lambda world: Call("/api/v1/keys"), is_list=True),
    "POST /api/v1/keys": Route(
        lambda world: Call("/api/v1/keys", {"name": "another", "scopes": ["admin:keys"]}),
        status=201,
        creates=ApiKey,
    ),
    "POST /api/v1/keys/{key_id}/revoke": Route(
        lambda world: Call(
            f"/api/v1/keys/{world.key.public_id}/revoke",
            {"reason": "lost"},
            named=str(world.key.public_id),
        )
    ),
    "POST /api/v1/tasks": Route(
        lambda world: Call("/api/v1/tasks", {"slug": f"new-{uuid.uuid4().hex[:8]}"}),
        status=201,
        creates=Task,
    ),
    "PATCH /api/v1/tasks/{slug}": Route(
        lambda world: Call(
            f"/api/v1/tasks/{world.task.slug}", {"threshold": 60}, named=world.task.slug
        )
    ),
    "GET /api/v1/tasks": Route(
        lambda world: Call("/api/v1/tasks"), is_list=True, query=("after", "limit")
    ),
    "GET /api/v1/tasks/{slug}": Route(
        lambda world: Call(f"/api/v1/tasks/{world.task.slug}", named=world.task.slug)
    ),
    "GET /api/v1/tasks/{slug}/judge": Route(
        lambda world: Call(f"/api/v1/tasks/{world.task.slug}/judge", named=world.task.slug)
    ),
    "GET /api/v1/tasks/{slug}/prompt": Route(
        lambda world: Call(f"/api/v1/tasks/{world.task.slug}/prompt", named=world.task.slug),
        query=("tag",),
    ),
    "GET /api/v1/changes": Route(
        lambda world: Call("/api/v1/changes"), is_list=True, query=("since",)
    ),
    "POST /api/v1/feedback": Route(
        lambda world: Call("/api/v1/feedback", _feedback(world), world.task.slug),
        status=201,
        creates=Feedback,
    ),
    "POST /api/v1/feedback/batch": Route(
        lambda world: Call("/api/v1/feedback/batch", [_feedback(world)], world.task.slug),
        creates=Feedback,
    ),
    "POST /api/v1/prompts": Route(
        lambda world: Call("/api/v1/prompts", _prompt(world)),
        status=201,
        also=(Scope.PROMPT_WRITE,),
        creates=Task,
    ),
    "POST /api/v1/prompts/{prompt_id}/versions": Route(
        _of_prompt("versions", _version), status=201, creates=PromptVersion
    ),
    "GET /api/v1/prompts/{prompt_id}/versions/{version_id}": Route(
        lambda world: Call(
            f"/api/v1/prompts/{world.task.public_id}/versions/{world.proven.public_id}",
            named=str(world.proven.public_id),
        )
    ),
    "GET /api/v1/prompts/{prompt_id}/lineage": Route(
        _of_prompt("lineage", lambda world: None), query=("before",)
    ),
    "POST /api/v1/prompts/{prompt_id}/promote": Route(_of_prompt("promote", _move)),
    "POST /api/v1/prompts/{prompt_id}/rollback": Route(
        _of_prompt("rollback", lambda world: {"tag": "production", "reason": "worse"})
    ),
    "POST /api/v1/datasets/upload": Route(_upload, status=201, creates=Dataset),
    "GET /api/v1/datasets": Route(
        lambda world: Call("/api/v1/datasets"), is_list=True, query=("before",)
    ),
    "GET /api/v1/datasets/{dataset_id}": Route(_of_dataset),
    "POST /api/v1/optimization/start": Route(_start, status=202, creates=Job),
    "POST /api/v1/evaluations": Route(_evaluation, status=202, creates=Job),
    "GET /api/v1/evaluations/{job_id}": Route(
        lambda world: Call(
            f"/api/v1/evaluations/{world.evaluation.public_id}",
            named=str(world.evaluation.public_id),
        )
    ),
    "GET /api/v1/optimization/jobs": Route(
        lambda world: Call("/api/v1/optimization/jobs"), is_list=True, query=("before",)
    ),
    "GET /api/v1/optimization/jobs/{job_id}": Route(_of_job("running")),
    "GET /api/v1/optimization/jobs/{job_id}/result": Route(_of_job("finished", "/result")),
    "GET /api/v1/optimization/jobs/{job_id}/bundle": Route(
        _of_job("finished", "/bundle"), query=("format",)
    ),
    "POST /api/v1/optimization/jobs/{job_id}/promote": Route(
        _of_job("finished", "/promote", {"reason": "proven"})
    ),
    "POST /api/v1/optimization/jobs/{job_id}/cancel": Route(
        _of_job("running", "/cancel", {"reason": "enough"})
    ),
}
