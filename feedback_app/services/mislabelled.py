"""An example whose right answer is wrong: no later job uses it, until somebody takes that back."""

from django.db import transaction
from django.utils import timezone

from feedback_app.models import Example
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record


@transaction.atomic
def example_mislabel(*, actor: Actor, example: Example, reason: str = "") -> bool:
    """Take the example out of every later job; False where somebody has done so before.

    Jobs that ran with it keep their figures. Raises NotAllowed, NotHere, and InvalidInput for a
    row of the hold-out, which nobody is to choose by its answer.
    """
    require_open_row(actor, example)
    rows = Example.objects.filter(pk=example.pk, dismissed_at=None)
    # A job may deal splits at this very moment: what became hold-out stays there.
    if not rows.exclude(split=Split.TEST.value).update(dismissed_at=timezone.now(), is_seen=True):
        return False
    audit_record(
        actor=actor, action="kaizen.example.mislabelled", subject=example, reason=reason[:500]
    )
    return True


@transaction.atomic
def example_reinstate(*, actor: Actor, example: Example) -> bool:
    """Let jobs use it again; what was redacted, or whose feedback was dismissed, stays out."""
    require_open_row(actor, example)
    rows = Example.objects.filter(pk=example.pk, dismissed_at__isnull=False, redacted_at=None)
    if not rows.exclude(feedback__dismissed_at__isnull=False).update(dismissed_at=None):
        return False
    audit_record(actor=actor, action="kaizen.example.reinstated", subject=example)
    return True


def require_open_row(actor: Actor, example: Example) -> None:
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=example.task.project_id)
    if example.split == Split.TEST:
        message = "a row of the hold-out proves nothing any more once somebody has chosen it"
        raise InvalidInput(message, code="holdout_row")
