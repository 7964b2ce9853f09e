"""From feedback to an example, by a person's hand."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from feedback_app.models import Example, Feedback
from feedback_app.services.accepted import example_accept
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record
from tasks_app.fit import check_inputs


def feedback_promote(
    *, actor: Actor, row: Feedback, outputs: Mapping[str, Any], is_red_team: bool = False
) -> Example:
    """Make an example of the row with the right answer that the person gives.

    Raises Conflict `already_example` where it is one, and `dismissed`; InvalidInput for an answer
    or inputs that do not fit the prompt.
    """
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=row.project_id)
    if not any(_says_something(value) for value in outputs.values()):
        message = "write the right answer: an example without one teaches nothing"
        raise InvalidInput(message, errors={"outputs": message})
    check_inputs(row.task, row.inputs)
    try:
        with transaction.atomic():
            return _promote(actor, row, outputs, is_red_team)
    except IntegrityError as error:
        raise _already() from error


def _promote(actor: Actor, row: Feedback, outputs: Mapping[str, Any], is_red_team: bool) -> Example:
    # Under the row's lock nobody dismisses or redacts it meanwhile.
    locked = Feedback.objects.select_for_update().select_related(None).get(pk=row.pk)
    if locked.dismissed_at is not None:
        raise Conflict("the feedback was dismissed; put it back first", code="dismissed")
    if Example.objects.filter(feedback=locked).exists():
        raise _already()
    example = example_accept(
        task=row.task, inputs=locked.inputs, outputs=dict(outputs), feedback=locked
    )
    if is_red_team:
        example.split = Split.RED_TEAM.value
        example.save(update_fields=["split"])
    audit_record(
        actor=actor,
        action="kaizen.feedback.promoted",
        subject=row,
        example=str(example.public_id),
        split=example.split,
    )
    return example


def _says_something(value: Any) -> bool:
    return value is not None and value != ""


def _already() -> Conflict:
    return Conflict("the feedback is an example already", code="already_example")
