"""A prompt file becomes a prompt of its own, or a draft of one that exists."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.prompt_yml import PromptFile, read_prompt_file
from kaizen_engine.states import GateBasis
from llm_app.models import Connection
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Project, Role, Scope
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from prompts_app.services.prompts import prompt_slug, prompt_version_add
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create
from tasks_app.models import Task
from tasks_app.services import task_create

_MEDIA = {"image_url": "image/*", "audio_url": "audio/*"}


@transaction.atomic
def prompt_import(
    *, actor: Actor, project: Project, content: bytes, name: str = ""
) -> tuple[Task, PromptVersion]:
    """Create the task of a file, called as the file says unless `name` is given.

    Version 1 goes live on the basis `import`. The model is taken over where the project has its
    connection. Raises InvalidInput for file and name, Conflict `taken`.
    """
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=project.pk)
    file = _read(content)
    called = name.strip() or file.name
    if not called:
        message = "the file says no name: give one"
        raise InvalidInput(message, errors={"name": message})
    task = task_create(
        actor=actor,
        project=project,
        slug=prompt_slug(called),
        name=called,
        description=file.description,
        input_schema=_schema({one.name: _input(one) for one in file.artifact.inputs}),
        output_schema=_schema({one.name: _output(one) for one in file.artifact.outputs}),
        student=_student(project, file.artifact),
    )
    version, _ = version_create(
        actor=actor, task=task, artifact=file.artifact, change_reason="Imported from a file."
    )
    version_promote(actor=actor, task=task, version=version, basis=GateBasis.IMPORT)
    return task, version


def version_import(
    *, actor: Actor, task: Task, content: bytes, reason: str = ""
) -> tuple[PromptVersion, bool]:
    """Add the file's text as a draft, a child of what is live, and say whether it is new."""
    artifact = _read(content).artifact
    live = live_version(task)
    return prompt_version_add(
        actor=actor,
        task=task,
        artifact=artifact.to_dict(),
        parents=[live] if live and live.hash != artifact.hash else [],
        change_reason=reason or "Imported from a file.",
    )


def _read(content: bytes) -> PromptFile:
    try:
        return read_prompt_file(content)
    except InvalidPromptFile as error:
        raise InvalidInput(str(error), errors={"file": str(error)}) from error


def _student(project: Project, artifact: PromptArtifact) -> str:
    slug, _, model = artifact.model.partition("/")
    known = model and Connection.objects.filter(project=project, slug=slug).exists()
    return artifact.model if known else ""


def _schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of which `kaizen_engine.prompts.schema` reads the same fields again."""
    if not properties:
        return {}
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _input(field: InputField) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "object"} if field.type == "json" else {"type": "string"}
    if field.type in _MEDIA:
        kind["contentMediaType"] = _MEDIA[field.type]
    return {**kind, "description": field.description} if field.description else kind


def _output(field: OutputField) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": field.type, **(field.schema or {})}
    if field.enum:
        kind["enum"] = [int(one) if field.type == "integer" else one for one in field.enum]
    return {**kind, "description": field.description} if field.description else kind
