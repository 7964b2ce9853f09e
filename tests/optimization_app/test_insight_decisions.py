"""People decide about insights and suggested examples; each decision is made once."""

import pytest

from feedback_app.models import Example
from kaizen_engine.states import InsightState, Origin, SuggestionState
from optimization_app.models import Insight, SuggestedExample
from optimization_app.services.insight_moves import insight_move
from optimization_app.services.suggestions import suggestion_accept, suggestion_reject
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tasks_app.models import Task
from tests.factories.feedback import FeedbackFactory
from tests.factories.insights import InsightFactory, SuggestedExampleFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def insight(task: Task) -> Insight:
    return InsightFactory(task=task)


@pytest.fixture
def suggestion(insight: Insight) -> SuggestedExample:
    return SuggestedExampleFactory(insight=insight)


def test_a_person_who_accepts_makes_an_example_that_teaches_and_never_decides(
    suggestion: SuggestedExample, editor_actor: Actor
) -> None:
    suggestion_accept(actor=editor_actor, suggestion=suggestion, outputs={"label": "arrival"})
    suggestion.refresh_from_db()
    example = suggestion.example
    assert example is not None
    assert (example.origin, example.is_deciding, example.is_seen) == (
        Origin.GENERATED,
        False,
        True,
    )
    assert example.outputs == {"label": "arrival"}
    assert (suggestion.state, suggestion.decided_by) == (
        SuggestionState.ACCEPTED,
        editor_actor.user,
    )
    assert AuditEntry.objects.filter(action="kaizen.suggestion.accepted").exists()


def test_feedback_that_is_accepted_keeps_its_origin(
    insight: Insight, task: Task, editor_actor: Actor
) -> None:
    row = FeedbackFactory(task=task, bad=True, origin=Origin.USER.value)
    drawn = SuggestedExampleFactory(insight=insight, feedback=row, inputs=row.inputs, writer="")
    suggestion_accept(actor=editor_actor, suggestion=drawn, outputs={"label": "arrival"})
    assert Example.objects.get(feedback=row).origin == Origin.USER


def test_the_second_to_decide_is_told_so(suggestion: SuggestedExample, editor_actor: Actor) -> None:
    suggestion_reject(actor=editor_actor, suggestion=suggestion)
    with pytest.raises(Conflict, match="already"):
        suggestion_accept(actor=editor_actor, suggestion=suggestion, outputs={"label": "fee"})
    assert not Example.objects.exists()


def test_an_answer_with_another_field_is_refused_and_the_suggestion_waits(
    suggestion: SuggestedExample, editor_actor: Actor
) -> None:
    outputs = {"label": "fee", "colour": "red"}
    with pytest.raises(InvalidInput, match="colour"):
        suggestion_accept(actor=editor_actor, suggestion=suggestion, outputs=outputs)
    suggestion.refresh_from_db()
    assert suggestion.state == SuggestionState.PENDING


def test_an_insight_is_applied_once_and_may_be_opened_again(
    insight: Insight, editor_actor: Actor
) -> None:
    insight_move(actor=editor_actor, insight=insight, to=InsightState.APPLIED, reason="done")
    with pytest.raises(Conflict, match="applied already"):
        insight_move(actor=editor_actor, insight=insight, to=InsightState.APPLIED)
    insight_move(actor=editor_actor, insight=insight, to=InsightState.OPEN)
    reasons = AuditEntry.objects.filter(action__startswith="kaizen.insight.")
    assert list(reasons.order_by("id").values_list("action", "reason")) == [
        ("kaizen.insight.applied", "done"),
        ("kaizen.insight.open", ""),
    ]


def test_a_viewer_decides_nothing_and_a_stranger_finds_nothing(
    suggestion: SuggestedExample, viewer_actor: Actor, outsider_actor: Actor
) -> None:
    for actor, refusal in ((viewer_actor, NotAllowed), (outsider_actor, NotHere)):
        with pytest.raises(refusal):
            insight_move(actor=actor, insight=suggestion.insight, to=InsightState.DISMISSED)
        with pytest.raises(refusal):
            suggestion_reject(actor=actor, suggestion=suggestion)
