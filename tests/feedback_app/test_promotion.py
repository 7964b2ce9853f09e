"""Feedback becomes an example by hand, once, with the answer that a person gives."""

import pytest

from feedback_app.models import Example
from feedback_app.services.dismissal import feedback_dismiss
from feedback_app.services.promotion import feedback_promote
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import FeedbackFactory

pytestmark = pytest.mark.django_db
RIGHT = {"label": "shipping"}


@pytest.fixture
def row(task):
    return FeedbackFactory(task=task, bad=True)


def test_it_keeps_where_it_came_from_and_is_never_dealt_to_the_hold_out(row, editor_actor):
    example = feedback_promote(actor=editor_actor, row=row, outputs=RIGHT)
    assert (example.feedback, example.outputs, example.origin) == (row, RIGHT, row.origin)
    assert example.is_seen
    entry = AuditEntry.objects.get(action="kaizen.feedback.promoted")
    assert entry.data == {"example": str(example.public_id), "split": ""}


def test_it_may_go_straight_to_the_red_team(row, editor_actor):
    example = feedback_promote(actor=editor_actor, row=row, outputs=RIGHT, is_red_team=True)
    assert Example.objects.get(pk=example.pk).split == "red_team"


def test_the_second_person_is_told_that_it_is_an_example_already(row, editor_actor):
    feedback_promote(actor=editor_actor, row=row, outputs=RIGHT)
    with pytest.raises(Conflict) as refused:
        feedback_promote(actor=editor_actor, row=row, outputs=RIGHT)
    assert refused.value.code == "already_example"
    assert Example.objects.count() == 1


def test_what_was_dismissed_meanwhile_is_no_example(row, editor_actor):
    feedback_dismiss(actor=editor_actor, rows=[row])
    with pytest.raises(Conflict) as refused:
        feedback_promote(actor=editor_actor, row=row, outputs=RIGHT)
    assert refused.value.code == "dismissed"


@pytest.mark.parametrize("outputs", [{}, {"label": ""}, {"other": "x"}])
def test_an_answer_that_does_not_fit_is_refused(row, editor_actor, outputs):
    with pytest.raises(InvalidInput):
        feedback_promote(actor=editor_actor, row=row, outputs=outputs)


def test_viewers_and_strangers_promote_nothing(row, viewer_actor, outsider_actor):
    with pytest.raises(NotAllowed):
        feedback_promote(actor=viewer_actor, row=row, outputs=RIGHT)
    with pytest.raises(NotHere):
        feedback_promote(actor=outsider_actor, row=row, outputs=RIGHT)
