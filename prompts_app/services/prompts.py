"""Prompts from templates: a new task with its version 1, or a further version of a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.schema import import_template, inputs_from_schema, outputs_from_schema
from kaizen_engine.states import GateBasis
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Project, Role, Scope
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create
from tasks_app.models import Task
from tasks_app.services import task_create

Messages = Sequence[Mapping[str, Any]]


@transaction.atomic
def prompt_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    template: str = "",
    messages: Messages | None = None,
    input_schema: Mapping[str, Any] | None = None,
    output_schema: Mapping[str, Any] | None = None,
    student: str = "",
    **settings: Any,
) -> tuple[Task, PromptVersion]:
    """Create the task called `name` and its version 1, which goes live on the basis `import`.

    `student` reads `<connection>/<model>`; without an input schema the template's variables are
    the inputs. Raises InvalidArtifact, InvalidInput, or Conflict `taken`.
    """
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=project.pk)
    artifact = artifact_from_template(
        _source(template, messages), input_schema or {}, output_schema or {}, model=student
    )
    task = task_create(
        actor=actor,
        project=project,
        slug=prompt_slug(name),
        name=name,
        input_schema=input_schema or _schema_of(artifact),
        output_schema=output_schema,
        student=student,
        **settings,
    )
    version, _ = version_create(actor=actor, task=task, artifact=artifact)
    version_promote(actor=actor, task=task, version=version, basis=GateBasis.IMPORT)
    return task, version


@transaction.atomic
def prompt_version_add(
    *,
    actor: Actor,
    task: Task,
    template: str = "",
    messages: Messages | None = None,
    artifact: Mapping[str, Any] | None = None,
    parents: Sequence[PromptVersion] = (),
    change_reason: str = "",
) -> tuple[PromptVersion, bool]:
    """Add a version and say whether it is new; a task with nothing live serves it at once."""
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=task.project_id)
    # Offers for a task in setup state are taken one by one: the first goes live.
    Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    if artifact is None:
        source = _source(template, messages)
        made = artifact_from_template(
            source, task.input_schema, task.output_schema, model=task.student
        )
    else:
        made = PromptArtifact.from_dict(artifact)
    version, is_new = version_create(
        actor=actor, task=task, artifact=made, parents=parents, change_reason=change_reason
    )
    if is_new and live_version(task) is None:
        version_promote(actor=actor, task=task, version=version, basis=GateBasis.IMPORT)
    return version, is_new


def artifact_from_template(
    source: str | Messages,
    input_schema: Mapping[str, Any],
    output_schema: Mapping[str, Any],
    *,
    model: str = "",
) -> PromptArtifact:
    """Return the artifact whose rendered messages are the template's, and the contract's words."""
    inputs = inputs_from_schema(input_schema) if input_schema else None
    names = [field.name for field in inputs] if inputs else None
    layout, system, user_template, variables = import_template(source, names)
    fields = inputs or tuple(InputField(name) for name in variables)
    outputs = outputs_from_schema(output_schema) if output_schema else (OutputField("output"),)
    made = PromptArtifact(
        system, user_template, inputs=fields, outputs=outputs, layout=layout, model=model
    )
    return PromptArtifact.from_dict(made.to_dict())


def _source(template: str, messages: Messages | None) -> str | Messages:
    if bool(template) == bool(messages):
        message = "give either a template or messages"
        raise InvalidInput(message, errors={"template": message})
    return template or messages or ""


def _schema_of(artifact: PromptArtifact) -> dict[str, Any]:
    """Declare the variables, and let feedback bring more than the prompt reads."""
    properties = {field.name: {"type": "string"} for field in artifact.inputs}
    if not properties:
        return {}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": True,
    }


def prompt_slug(name: str) -> str:
    """Return the slug of a prompt called so, or raise InvalidInput for `name`."""
    slug = slugify(name)
    if not slug:
        message = "a name needs at least one letter or digit from a to z, 0 to 9"
        raise InvalidInput(message, errors={"name": message})
    return slug
