"""What a person does with an insight: apply it, dismiss it, or open it again."""

from django.db import transaction

from kaizen_engine.states import InsightState
from optimization_app.models import Insight
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role
from projects_app.services.audit import audit_record


@transaction.atomic
def insight_move(*, actor: Actor, insight: Insight, to: InsightState, reason: str = "") -> None:
    """Raises NotAllowed below editor, NotHere for another tenant's, Conflict when it is so."""
    actor.require(role=Role.EDITOR, project_id=insight.task.project_id)
    others = Insight.objects.filter(pk=insight.pk).exclude(state=to.value)
    if not others.update(state=to.value):
        message = f"this insight is {to.value} already"
        raise Conflict(message, code="already_decided")
    audit_record(actor=actor, action=f"kaizen.insight.{to.value}", subject=insight, reason=reason)
