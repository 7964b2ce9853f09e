"""One operation makes a version live: move the tag, say on which basis, and say why.

Going live on evidence or override decides the review as well. A first import and a rollback are
free of gates and of the second person: the one has nothing to replace, the other must be quick.
"""

from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from kaizen_engine.states import GateBasis, ReviewState
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, NotAllowed, NotHere
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record
from prompts_app.live_cache import live_cache
from prompts_app.models import GateOutcome, GateResult, ProjectRevision, PromptVersion, Tag
from prompts_app.selectors import (
    PRODUCTION,
    PROMOTION,
    check_tag_name,
    live_key,
    live_version,
    version_before,
    was_live,
)
from prompts_app.services.checks import measured
from prompts_app.services.decisions import require_reason, require_second_person, review_move
from prompts_app.services.gates import evidence_objections, gates_found
from prompts_app.signals import prompt_released
from tasks_app.models import Task


@transaction.atomic
def version_promote(
    *,
    actor: Actor,
    task: Task,
    version: PromptVersion,
    tag: str = PRODUCTION,
    basis: GateBasis,
    reason: str = "",
    expected_revision: int | None = None,
) -> Tag:
    """Point the tag at the version. A version that is live there already changes nothing.

    Raises NotAllowed (also `two_person_rule`), and Conflict: `stale` when the tag moved meanwhile
    or is not at `expected_revision`, else the code of what the basis lacks.
    """
    check_tag_name(tag)
    if version.task_id != task.pk:
        raise NotHere(f"the task {task.slug!r} has no such version", code="unknown_version")
    _require_right(actor, task, basis)
    held = Tag.objects.select_related("version").filter(task=task, name=tag).first()
    if expected_revision is not None:
        _refuse_moved(held, expected_revision)
    if held and held.version_id == version.pk:
        return held
    figure = _check_basis(actor, task, version, held, tag, basis, reason)
    if tag == PRODUCTION and basis in (GateBasis.EVIDENCE, GateBasis.OVERRIDE):
        # Before the move, as in an approval: rows locked in one order cannot deadlock.
        review_move(actor=actor, version=version, to=ReviewState.APPROVED, reason=reason)
    moved = tag_point(task, tag, held, version)
    _record(actor, moved, held, basis, reason, figure)
    transaction.on_commit(partial(announce_move, moved))
    return moved


@transaction.atomic
def tag_rollback(
    *,
    actor: Actor,
    task: Task,
    tag: str = PRODUCTION,
    version: PromptVersion | None = None,
    reason: str = "",
    expected_revision: int | None = None,
) -> Tag:
    """Put back what was live before, or a named version that was. Never gated, always audited."""
    check_tag_name(tag)
    _require_right(actor, task, GateBasis.ROLLBACK)
    target = version or _previous(task, tag)
    return version_promote(
        actor=actor,
        task=task,
        version=target,
        tag=tag,
        basis=GateBasis.ROLLBACK,
        reason=reason,
        expected_revision=expected_revision,
    )


def _previous(task: Task, tag: str) -> PromptVersion:
    current = live_version(task, tag)
    previous = version_before(task, tag, current) if current else None
    if previous is None:
        message = f"nothing was live under {tag!r} before"
        raise Conflict(message, code="nothing_before")
    return previous


def _require_right(actor: Actor, task: Task, basis: GateBasis) -> None:
    if basis is GateBasis.IMPORT:
        role, scope = Role.EDITOR, Scope.PROMPT_WRITE
    else:
        role, scope = Role.APPROVER, Scope.PROMPT_PROMOTE
    actor.require(role=role, scope=scope, project_id=task.project_id)
    if basis is GateBasis.OVERRIDE and actor.role is None:
        message = f"{actor.label} may not override: only an approver in person may"
        raise NotAllowed(message, code="override_needs_a_person")


def check_revision(task: Task, tag: str, expected: int) -> None:
    """Raise Conflict `stale` unless the tag is where whoever decides has seen it; 0: nowhere."""
    held = Tag.objects.select_related("version").filter(task=task, name=tag).first()
    _refuse_moved(held, expected)


def _refuse_moved(held: Tag | None, expected: int) -> None:
    seen = held.revision if held else 0
    if expected == seen:
        return
    now = f"version {held.version.number} is live now" if held else "nothing is live any more"
    message = f"somebody changed what is live meanwhile: {now} (revision {seen}, not {expected})"
    raise Conflict(message, code="stale")


def _check_basis(
    actor: Actor,
    task: Task,
    version: PromptVersion,
    held: Tag | None,
    tag: str,
    basis: GateBasis,
    reason: str,
) -> dict[str, Any]:
    """Raise unless the basis holds; return what the gate row shows for ever."""
    if basis is GateBasis.ROLLBACK:
        if not was_live(task, tag, version):
            raise Conflict(f"{version} was never live under {tag!r}", code="never_live")
        return {}
    refuse_rejected(version)
    if basis is GateBasis.IMPORT:
        if held or live_version(task):
            raise Conflict("something is live already: it takes evidence", code="already_live")
        return {}
    require_second_person(actor, version)
    objections = evidence_objections(version, live_version(task))
    gates_found(version)
    if basis is GateBasis.OVERRIDE:
        require_reason(reason, "an override")
        return {"overridden": [objection.message for objection in objections]}
    if objections:
        message = "; ".join(objection.message for objection in objections)
        facts = {"gates": [one._asdict() for one in objections]}
        raise Conflict(f"{version} cannot go live: {message}", code=objections[0].code, facts=facts)
    return {"verdict": measured(version).verdict}


def refuse_rejected(version: PromptVersion) -> None:
    rows = PromptVersion.objects.filter(pk=version.pk)
    if rows.filter(review_state=ReviewState.REJECTED.value).exists():
        raise Conflict(f"{version} was rejected", code="rejected")


def tag_point(task: Task, name: str, held: Tag | None, version: PromptVersion) -> Tag:
    """Create or move the tag, or raise Conflict `stale` when `held` is no longer so.

    No rule and no record: for the services that have asked and will write.
    """
    # The project's row is held until commit, so its revisions appear in their order.
    place = {"version": version, "project_revision": _next_revision(task.project_id)}
    if held is None:
        try:
            with transaction.atomic():
                return Tag.objects.create(task=task, name=name, **place)
        except IntegrityError as error:
            raise _moved_meanwhile(name) from error
    place |= {"revision": F("revision") + 1, "moved_at": timezone.now()}
    if not Tag.objects.filter(pk=held.pk, revision=held.revision).update(**place):
        raise _moved_meanwhile(name)
    return Tag.objects.select_related("version").get(pk=held.pk)


def _moved_meanwhile(name: str) -> Conflict:
    return Conflict(f"the tag {name!r} moved meanwhile; look again", code="stale")


def _next_revision(project_id: int) -> int:
    ProjectRevision.objects.get_or_create(project_id=project_id)
    row = ProjectRevision.objects.filter(project_id=project_id)
    row.update(revision=F("revision") + 1)
    return row.values_list("revision", flat=True).get()


def _record(
    actor: Actor,
    moved: Tag,
    held: Tag | None,
    basis: GateBasis,
    reason: str,
    figure: dict[str, Any],
) -> None:
    version, replaced = moved.version, held.version if held else None
    GateResult.objects.create(
        version=version,
        name=PROMOTION,
        outcome=GateOutcome.PASSED.value,
        basis=basis.value,
        tag=moved.name,
        replaced=replaced,
        figure=figure,
        reason=reason,
        actor=actor.label,
    )
    audit_record(
        actor=actor,
        action="kaizen.prompt.tag_moved",
        subject=version,
        reason=reason,
        tag=moved.name,
        basis=basis.value,
        number=version.number,
        replaced=replaced.number if replaced else None,
        revision=moved.revision,
    )


def announce_move(tag: Tag) -> None:
    live_cache.forget(live_key(tag.task.project_id, tag.task.slug, tag.name))
    prompt_released.send_robust(
        sender=Tag,
        task_id=tag.task_id,
        version_id=tag.version_id,
        tag=tag.name,
        revision=tag.revision,
    )
