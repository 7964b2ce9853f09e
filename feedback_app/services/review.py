"""A person's judgement of a random call that came in without one."""

from django.db import transaction

from feedback_app.models import Feedback
from feedback_app.selectors import feedback_to_review
from feedback_app.services.feedback import feedback_counted
from projects_app.actors import Actor
from projects_app.models import Role
from projects_app.services.audit import audit_record


@transaction.atomic
def feedback_judge(*, actor: Actor, row: Feedback, is_good: bool, comment: str = "") -> bool:
    """Store thumb and comment; False where somebody else has judged the row meanwhile.

    From here on the row counts towards the next job.
    """
    actor.require(role=Role.EDITOR, project_id=row.project_id)
    open_rows = feedback_to_review(row.task).filter(pk=row.pk)
    if not open_rows.update(thumb=is_good, comment=comment):
        return False
    feedback_counted(row.task)
    audit_record(actor=actor, action="kaizen.feedback.judged", subject=row, thumb=is_good)
    return True


@transaction.atomic
def feedback_reopen(*, actor: Actor, row: Feedback) -> bool:
    """Take a reviewer's judgement back; a row that was rated or corrected since keeps it."""
    actor.require(role=Role.EDITOR, project_id=row.project_id)
    judged = Feedback.objects.filter(
        pk=row.pk, score=None, thumb__isnull=False, corrected_output__isnull=True
    )
    if not judged.update(thumb=None, comment=""):
        return False
    audit_record(actor=actor, action="kaizen.feedback.reopened", subject=row)
    return True
