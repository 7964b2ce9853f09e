"""Who may decide on a version, and the one UPDATE that records what was decided."""

from django.utils import timezone

from kaizen_engine.states import REVIEW_TRANSITIONS, ReviewState
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotAllowed
from projects_app.models import Project
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion
from prompts_app.queue import follow_on_commit


def require_second_person(actor: Actor, version: PromptVersion) -> None:
    """Raise NotAllowed where the project wants another person than the author to decide.

    A key counts as the person who created it, so an actor without a person cannot be a second one.
    """
    if not Project.objects.filter(pk=version.task.project_id, two_person_rule=True).exists():
        return
    if actor.user is None or is_author(actor, version):
        message = f"{actor.label} cannot be the second person for {version}: see the author"
        raise NotAllowed(message, code="two_person_rule")


def needs_second_person(actor: Actor, version: PromptVersion) -> bool:
    """Say beforehand whether the decision would be refused for who the actor is."""
    try:
        require_second_person(actor, version)
    except NotAllowed:
        return True
    return False


def is_author(actor: Actor, version: PromptVersion) -> bool:
    is_same_person = actor.user is not None and actor.user.pk == version.author_id
    return is_same_person or actor.label == version.author_label


def require_reason(reason: str, what: str) -> None:
    if not reason.strip():
        message = f"{what} needs a reason"
        raise InvalidInput(message, code="reason_required", errors={"reason": message})


def review_move(*, actor: Actor, version: PromptVersion, to: ReviewState, reason: str = "") -> bool:
    """Move the review while its state still allows it; False when somebody was faster."""
    allowed = [state.value for state, after in REVIEW_TRANSITIONS.items() if to in after]
    decided = to in (ReviewState.APPROVED, ReviewState.REJECTED)
    changes = {
        "review_state": to.value,
        "reviewed_by": actor.user if decided else None,
        "reviewed_at": timezone.now() if decided else None,
        "review_reason": reason,
    }
    rows = PromptVersion.objects.filter(pk=version.pk, review_state__in=allowed)
    if not rows.update(**changes):
        return False
    audit_record(
        actor=actor,
        action=f"kaizen.prompt.{to.value}",
        subject=version,
        reason=reason,
        number=version.number,
    )
    if decided:
        follow_on_commit(version)
    return True
