"""Review: a person approves or rejects a version, once."""

from typing import NoReturn

from django.db import transaction

from kaizen_engine.states import GateBasis, ReviewState
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Project, Role, Scope, ServeOn
from prompts_app.models import GateOutcome, PromptVersion, Tag
from prompts_app.selectors import PRODUCTION, live_version
from prompts_app.services.checks import OVERRIDE
from prompts_app.services.decisions import require_reason, require_second_person, review_move
from prompts_app.services.gates import gate_record
from prompts_app.services.tags import check_revision, version_promote


@transaction.atomic
def version_submit(*, actor: Actor, version: PromptVersion) -> PromptVersion:
    """Ask for review of a draft."""
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=version.task.project_id)
    if not review_move(actor=actor, version=version, to=ReviewState.IN_REVIEW):
        _refuse(version, "submit")
    version.refresh_from_db()
    return version


@transaction.atomic
def version_approve(
    *,
    actor: Actor,
    version: PromptVersion,
    reason: str = "",
    override: bool = False,
    expected_revision: int | None = None,
) -> PromptVersion:
    """Approve, and make it live at once where the project serves on approval.

    Raises Conflict when somebody decided before or what is live is no longer at
    `expected_revision` (`stale`), or the evidence does not carry it; `override` with a reason
    goes live all the same.
    """
    _require_reviewer(actor, version)
    require_second_person(actor, version)
    if expected_revision is not None:
        check_revision(version.task, PRODUCTION, expected_revision)
    if override:
        require_reason(reason, "an override")
    if not review_move(actor=actor, version=version, to=ReviewState.APPROVED, reason=reason):
        _refuse(version, "approve")
    if _serves_on_approval(version):
        version_promote(
            actor=actor,
            task=version.task,
            version=version,
            basis=_basis(version, override=override),
            reason=reason,
            expected_revision=expected_revision,
        )
    elif override:
        _remember_override(actor, version, reason)
    version.refresh_from_db()
    return version


@transaction.atomic
def version_reject(*, actor: Actor, version: PromptVersion, reason: str) -> PromptVersion:
    """Reject for good; what is live has to be rolled back first."""
    _require_reviewer(actor, version)
    require_reason(reason, "a rejection")
    if not review_move(actor=actor, version=version, to=ReviewState.REJECTED, reason=reason):
        _refuse(version, "reject")
    tag = Tag.objects.filter(version=version).first()
    if tag:
        message = f"{version} is live under {tag.name!r}: roll back first"
        raise Conflict(message, code="version_live")
    version.refresh_from_db()
    return version


def _require_reviewer(actor: Actor, version: PromptVersion) -> None:
    actor.require(
        role=Role.APPROVER, scope=Scope.PROMPT_PROMOTE, project_id=version.task.project_id
    )


def _serves_on_approval(version: PromptVersion) -> bool:
    projects = Project.objects.filter(pk=version.task.project_id)
    return projects.filter(serve_on=ServeOn.APPROVE.value).exists()


def _remember_override(actor: Actor, version: PromptVersion, reason: str) -> None:
    """Where a merge serves, the override is decided now and used then."""
    gate_record(
        version=version,
        name=OVERRIDE,
        outcome=GateOutcome.PASSED,
        reason=reason,
        actor_label=actor.label,
    )


def _basis(version: PromptVersion, *, override: bool) -> GateBasis:
    if override:
        return GateBasis.OVERRIDE
    is_first = live_version(version.task, PRODUCTION) is None
    return GateBasis.IMPORT if is_first else GateBasis.EVIDENCE


def _refuse(version: PromptVersion, verb: str) -> NoReturn:
    state = PromptVersion.objects.values_list("review_state", flat=True).get(pk=version.pk)
    message = f"cannot {verb} {version}: it is {state.replace('_', ' ')}"
    raise Conflict(message, code="stale")
