"""Making and changing tasks."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from kaizen_engine.errors import InvalidSchema
from kaizen_engine.evaluate.evaluator import InvalidEvaluator
from kaizen_engine.evaluate.spec import evaluator_from_spec, models_of, normal_spec
from kaizen_engine.prompts.schema import infer_schema, inputs_from_schema, outputs_from_schema
from llm_app.models import Connection
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.models import Project, Role, Scope
from projects_app.services.audit import audit_record
from projects_app.validation import check_model
from tasks_app.cron import next_time
from tasks_app.fit import LONE_OUTPUT
from tasks_app.models import Task
from tasks_app.selectors import task_get

SETTINGS = frozenset(
    {
        "name",
        "description",
        "feedback_origin",
        "good_score",
        "minimum_effect",
        "judge_floor",
        "auto_trigger",
        "threshold",
        "cron",
        "optimizer",
        "num_trials",
        "max_demos",
        "reasoning",
        "budget_usd",
        "budget_tokens",
        "minutes",
        "max_cost_ratio",
        "max_latency_ratio",
        "locked_text",
        "notes",
    }
)
MODELS = ("student", "teacher")
SCHEMAS = {"input_schema": inputs_from_schema, "output_schema": outputs_from_schema}


@transaction.atomic
def task_create(
    *,
    actor: Actor,
    project: Project,
    slug: str,
    name: str = "",
    input_schema: Mapping[str, Any] | None = None,
    output_schema: Mapping[str, Any] | None = None,
    student: str = "",
    teacher: str = "",
    split_seed: int = 0,
    **settings: Any,
) -> Task:
    """Create a task. `student` and `teacher` read `<connection slug>/<model>`, or nothing yet.

    Raises InvalidInput naming the field, Conflict where the slug is taken.
    """
    actor.require(role=Role.EDITOR, scope=Scope.TASK_CREATE)
    _check_tenant(actor, project.pk)
    task = Task(project=project, slug=slug, split_seed=split_seed)
    changes = {"name": name or slug, "student": student, "teacher": teacher, **settings}
    schemas = {"input_schema": input_schema or {}, "output_schema": output_schema or {}}
    _apply(task, {**changes, **schemas})
    try:
        with transaction.atomic():
            task.save(force_insert=True)
    except IntegrityError as error:
        if not Task.objects.filter(project=project, slug=slug).exists():
            raise
        raise Conflict(f"the task {slug!r} exists already", code="taken") from error
    audit_record(actor=actor, action="kaizen.task.created", subject=task, slug=slug)
    return task


@transaction.atomic
def task_update(*, actor: Actor, task: Task, **changes: Any) -> Task:
    """Change what is named; the audit entry holds the old and the new value of each."""
    actor.require(role=Role.EDITOR, scope=Scope.TASK_WRITE)
    _check_tenant(actor, task.project_id)
    fresh = Task.objects.select_for_update(of=("self",), no_key=True).get(pk=task.pk)
    before = {name: getattr(fresh, name, None) for name in changes}
    _apply(fresh, changes)
    after = {name: getattr(fresh, name) for name in changes}
    moved = {name: [_shown(before[name]), _shown(after[name])] for name in changes}
    moved = {name: pair for name, pair in moved.items() if pair[0] != pair[1]}
    if moved:
        fresh.save()
        audit_record(actor=actor, action="kaizen.task.changed", subject=fresh, changes=moved)
    return fresh


@transaction.atomic
def task_archive(*, actor: Actor, task: Task, is_archived: bool = True) -> bool:
    """Put the task away, or back: while it is away no door knows it, and nothing is served of it.

    Return whether that is news.
    """
    actor.require(role=Role.ADMIN, project_id=task.project_id)
    fresh = Task.objects.select_for_update(of=("self",), no_key=True).get(pk=task.pk)
    if bool(fresh.archived_at) == is_archived:
        return False
    fresh.archived_at = timezone.now() if is_archived else None
    fresh.save(update_fields=["archived_at"])
    word = "archived" if is_archived else "restored"
    audit_record(actor=actor, action=f"kaizen.task.{word}", subject=fresh, slug=fresh.slug)
    return True


def task_infer(*, actor: Actor, slug: str, inputs: Mapping[str, Any], output: Any) -> Task:
    """Create the task that a first feedback speaks of, in setup state; a twin's task is as good.

    Later feedback may bring further inputs, since one row does not show them all.
    """
    actor.require(role=Role.EDITOR, scope=Scope.TASK_CREATE)
    project = Project.objects.get(pk=actor.project_id)
    input_schema = {**infer_schema(dict(inputs)), "additionalProperties": True}
    fields = output if isinstance(output, dict) else {LONE_OUTPUT: output}
    output_schema = {} if output is None else infer_schema(fields)
    try:
        return task_create(
            actor=actor,
            project=project,
            slug=slug,
            input_schema=input_schema,
            output_schema=output_schema,
        )
    except Conflict:
        return task_get(project, slug)


def _check_tenant(actor: Actor, project_id: int) -> None:
    if actor.project_id != project_id:
        raise NotHere("there is no such project for this actor")


def _apply(task: Task, changes: Mapping[str, Any]) -> None:
    cron = task.cron
    for name, value in changes.items():
        if name in MODELS:
            _set_model(task, name, value)
        elif name in SCHEMAS:
            setattr(task, name, _checked_schema(name, value))
        elif name == "evaluator":
            task.evaluator = _checked_evaluator(task, value)
        elif name in SETTINGS:
            setattr(task, name, value)
        else:
            raise _refusal(name, "is no setting of a task")
    check_model(task, exclude=(*SCHEMAS, "evaluator"))
    if task.cron != cron:
        task.next_run_at = next_time(task.cron, timezone.now()) if task.cron else None


def _set_model(task: Task, role: str, spelled: str) -> None:
    slug, _, model = spelled.partition("/")
    if spelled and not (slug and model):
        raise _refusal(role, "must read <connection>/<model>")
    connection = Connection.objects.filter(project_id=task.project_id, slug=slug).first()
    if spelled and connection is None:
        raise _refusal(role, f"names the connection {slug!r}, which this project does not have")
    setattr(task, f"{role}_connection", connection)
    setattr(task, f"{role}_model", model)


def _checked_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object; a lone output may be given by its own schema."""
    if not schema:
        return {}
    if name == "output_schema" and "properties" not in schema:
        schema = {"type": "object", "properties": {LONE_OUTPUT: dict(schema)}}
    try:
        SCHEMAS[name](schema)
    except InvalidSchema as error:
        raise _refusal(name, str(error)) from error
    return dict(schema)


def _checked_evaluator(task: Task, spec: Any) -> dict[str, Any]:
    """Return the spec as an object; a refusal names each place that is wrong."""
    try:
        evaluator_from_spec(spec)
    except InvalidEvaluator as error:
        places = {
            f"evaluator.{place}" if place else "evaluator": what
            for place, what in error.errors.items()
        }
        raise InvalidInput(str(error), errors=places) from error
    slugs = {model.partition("/")[0] for model in models_of(spec)}
    known = Connection.objects.filter(project_id=task.project_id, slug__in=slugs)
    if missing := sorted(slugs - set(known.values_list("slug", flat=True))):
        named = ", ".join(map(repr, missing))
        raise _refusal(
            "evaluator", f"asks the connection {named}, which this project does not have"
        )
    return normal_spec(spec)


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | dict | None) else str(value)


def _refusal(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors={field: message})
