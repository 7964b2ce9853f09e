"""A row that a prompt gets wrong, made a case that no later prompt may answer worse."""

from django.db import transaction

from feedback_app.models import Example
from feedback_app.services.mislabelled import require_open_row
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.services.audit import audit_record

OPEN_SPLITS = (Split.TRAIN.value, Split.DEV.value, "")


@transaction.atomic
def example_to_red_team(*, actor: Actor, example: Example) -> int:
    """Move the row, with all rows of its group, to the red team; return how many moved.

    A group is in one split for ever, so nothing of it stays behind to search on. Raises NotAllowed,
    NotHere, and InvalidInput for the hold-out.
    """
    require_open_row(actor, example)
    group = Example.objects.filter(task=example.task_id, group=example.group)
    moved = group.filter(split__in=OPEN_SPLITS).update(split=Split.RED_TEAM.value, is_seen=True)
    if moved:
        audit_record(
            actor=actor,
            action="kaizen.example.red_team",
            subject=example,
            came_from=example.split,
            rows=moved,
        )
    return moved
