"""Versions: immutable, numbered per task, one for each hash."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Verdict
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Role, Scope, User
from projects_app.services.audit import audit_record
from prompts_app.gates import Check
from prompts_app.models import PromptVersion
from prompts_app.queue import follow_on_commit
from prompts_app.services.gates import gates_found, gates_record
from tasks_app.models import Task

# Each lost try means that another version was made, so this many in a row is no honest race.
TRIES = 50


@transaction.atomic
def version_create(
    *,
    actor: Actor,
    task: Task,
    artifact: PromptArtifact,
    parents: Sequence[PromptVersion] = (),
    author: User | None = None,
    author_label: str = "",
    evidence: Mapping[str, Any] | None = None,
    verdict: Verdict = Verdict.NONE,
    origin_job: UUID | None = None,
    dspy_state: Mapping[str, Any] | None = None,
    change_reason: str = "",
    checks: Iterable[Check] = (),
) -> tuple[PromptVersion, bool]:
    """Return the task's version with this text, and whether it is new.

    The author is the actor unless one is named; `author_label` alone names one without a person.
    A known text keeps its author and evidence.
    """
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=task.project_id)
    if any(parent.task_id != task.pk for parent in parents):
        message = "a parent must be a version of the same task"
        raise InvalidInput(message, errors={"parent": message})
    version, is_new = _numbered(
        task,
        PromptArtifact.from_dict(artifact.to_dict()),
        **_authorship(actor, author, author_label),
        evidence=dict(evidence or {}),
        verdict=verdict.value,
        origin_job=origin_job,
        dspy_state=dspy_state,
        change_reason=change_reason,
    )
    if is_new:
        _note(actor, version, parents, checks)
    return version, is_new


def _authorship(actor: Actor, author: User | None, label: str) -> dict[str, Any]:
    if author is None and not label:
        return {"author": actor.user, "author_label": actor.label}
    return {"author": author, "author_label": label or f"user:{author}"}


def _numbered(task: Task, artifact: PromptArtifact, **facts: Any) -> tuple[PromptVersion, bool]:
    versions = PromptVersion.objects.filter(task=task)
    text = {"hash": artifact.hash, "artifact": artifact.to_dict()}
    for _ in range(TRIES):
        known = versions.filter(hash=artifact.hash).first()
        if known:
            return known, False
        number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                made = PromptVersion.objects.create(task=task, number=number, **text, **facts)
        except IntegrityError:
            continue
        return made, True
    message = f"no number was free for a version of {task.slug!r}; try again"
    raise Conflict(message, code="stale")


def _note(
    actor: Actor,
    version: PromptVersion,
    parents: Sequence[PromptVersion],
    checks: Iterable[Check],
) -> None:
    version.parents.set(parents)
    gates_record(version, checks)
    if parents or version.evidence:
        gates_found(version)
    audit_record(
        actor=actor,
        action="kaizen.prompt.version_created",
        subject=version,
        reason=version.change_reason,
        number=version.number,
        hash=version.hash,
        parents=[parent.number for parent in parents],
    )
    follow_on_commit(version)
