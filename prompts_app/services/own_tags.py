"""Tags of a team's own, such as staging. What is live is never moved here: that takes a review."""

from functools import partial

from django.db import transaction

from projects_app.actors import Actor
from projects_app.exceptions import Conflict, NotHere
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion, Tag
from prompts_app.selectors import PRODUCTION, check_tag_name
from prompts_app.services.tags import announce_move, refuse_rejected, tag_point
from tasks_app.models import Task


@transaction.atomic
def tag_set(*, actor: Actor, task: Task, name: str, version: PromptVersion) -> Tag:
    """Let the tag name this version; where it does so already nothing changes.

    Raises InvalidInput for the name, and Conflict: `live_tag` for what is live, `rejected` for a
    rejected version, `stale` when the tag moved meanwhile.
    """
    _check(actor, task, name)
    if version.task_id != task.pk:
        raise NotHere(f"the task {task.slug!r} has no such version", code="unknown_version")
    refuse_rejected(version)
    held = Tag.objects.select_related("version").filter(task=task, name=name).first()
    if held and held.version_id == version.pk:
        return held
    moved = tag_point(task, name, held, version)
    audit_record(
        actor=actor,
        action="kaizen.prompt.own_tag_moved",
        subject=version,
        tag=name,
        number=version.number,
        replaced=held.version.number if held else None,
        revision=moved.revision,
    )
    transaction.on_commit(partial(announce_move, moved))
    return moved


@transaction.atomic
def tag_remove(*, actor: Actor, task: Task, name: str, revision: int) -> None:
    """Forget the tag as it was seen; clients that ask for it get 404 from then on."""
    _check(actor, task, name)
    held = Tag.objects.select_related("version").filter(task=task, name=name).first()
    if held is None:
        raise NotHere(f"the task {task.slug!r} has no tag {name!r}", code="unknown_tag")
    deleted, _rows = Tag.objects.filter(pk=held.pk, revision=revision).delete()
    if not deleted:
        raise Conflict(f"the tag {name!r} moved meanwhile; look again", code="stale")
    number = held.version.number
    audit_record(
        actor=actor,
        action="kaizen.prompt.own_tag_removed",
        subject=held.version,
        tag=name,
        number=number,
    )
    transaction.on_commit(partial(announce_move, held))


def _check(actor: Actor, task: Task, name: str) -> None:
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=task.project_id)
    check_tag_name(name)
    if name == PRODUCTION:
        message = "what is live moves by review and rollback only; use another name"
        raise Conflict(message, code="live_tag")
