"""Git connections of a project, and the file in which a task's prompt lives."""

from django.db import IntegrityError, transaction

from kaizen_engine.errors import GitRefused
from kaizen_engine.git.names import check_branch, check_path
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.models import Project, Role
from projects_app.services.audit import audit_record
from projects_app.validation import check_model
from prompts_app.models import GitConnection, Repository, WithoutEvidence
from prompts_app.providers import check_place
from tasks_app.models import Task


@transaction.atomic
def git_connection_create(
    *,
    actor: Actor,
    project: Project,
    slug: str,
    url: str = "",
    merge_without_evidence: WithoutEvidence = WithoutEvidence.HOLD,
) -> GitConnection:
    """Add a place for repositories; without a URL it is one of Kaizen's own. Only admins may."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    check_place(project, url)
    connection = GitConnection(
        project=project, slug=slug, url=url, merge_without_evidence=merge_without_evidence.value
    )
    check_model(connection)
    connection.save()
    audit_record(actor=actor, action="kaizen.git.connected", subject=connection, slug=slug, url=url)
    return connection


@transaction.atomic
def repository_connect(
    *,
    actor: Actor,
    task: Task,
    connection: GitConnection,
    path: str = "",
    base_branch: str = "main",
) -> Repository:
    """Let the task's versions be proposed as changes of one file. Only admins may.

    Raises Conflict `taken` when the task has a repository, or the file another task.
    """
    actor.require(role=Role.ADMIN, project_id=task.project_id)
    if connection.project_id != task.project_id:
        raise NotHere("there is no such connection in this project", code="unknown_connection")
    path = _checked(path or f"prompts/{task.slug}.prompt.yml", base_branch)
    try:
        with transaction.atomic():
            repository = Repository.objects.create(
                task=task, connection=connection, path=path, base_branch=base_branch
            )
    except IntegrityError as error:
        message = f"{task.slug} has a repository, or {path} belongs to another prompt"
        raise Conflict(message, code="taken") from error
    audit_record(
        actor=actor,
        action="kaizen.git.repository_connected",
        subject=repository,
        task=task.slug,
        path=path,
        base=base_branch,
    )
    return repository


def _checked(path: str, base_branch: str) -> str:
    field = "base_branch"
    try:
        check_branch(base_branch)
        field = "path"
        return check_path(path)
    except GitRefused as error:
        raise InvalidInput(str(error), errors={field: str(error)}) from error
