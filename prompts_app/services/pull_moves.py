"""The one place where a pull request's state moves, and what its failures do."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from kaizen_engine.errors import KaizenError
from kaizen_engine.states import PULL_REQUEST_TRANSITIONS, PullRequestState
from projects_app.actors import Actor
from projects_app.services.audit import audit_record
from prompts_app.models import PullRequest

MOST_ATTEMPTS = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 15, 3600
LONGEST_ERROR = 500
ENDED = frozenset({PullRequestState.MERGED, PullRequestState.CLOSED, PullRequestState.FAILED})


@transaction.atomic
def pull_move(
    *, actor: Actor, pull: PullRequest, to: PullRequestState, reason: str = "", **changes: Any
) -> bool:
    """Move the pull request while its state still allows it; False when somebody was faster."""
    came_from = [state.value for state, after in PULL_REQUEST_TRANSITIONS.items() if to in after]
    changes |= {"state": to.value, "attempts": 0, "retry_at": None}
    if to in ENDED:
        changes["closed_at"] = timezone.now()
    rows = PullRequest.objects.filter(pk=pull.pk, state__in=came_from)
    if not rows.update(**{"error": "", **changes}):
        return False
    audit_record(
        actor=actor,
        action=f"kaizen.pull.{to.value}",
        subject=pull,
        reason=reason,
        version=pull.version.number,
        head=pull.head,
    )
    return True


def pull_trouble(*, pull: PullRequest, error: KaizenError, to: PullRequestState) -> None:
    """Try again later where that can help, and not for ever; otherwise the state says so."""
    said = str(error)[:LONGEST_ERROR]
    attempts = pull.attempts + 1
    if not getattr(error, "retryable", False) or attempts >= MOST_ATTEMPTS:
        actor = Actor.system(pull.repository.task.project_id)
        pull_move(actor=actor, pull=pull, to=to, reason=said, error=said)
        return
    wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempts)
    PullRequest.objects.filter(pk=pull.pk, state=pull.state).update(
        attempts=attempts, error=said, retry_at=timezone.now() + timedelta(seconds=wait)
    )
