"""Insight pages: who sees them, what they say, and what a form does."""

import pytest
from django.urls import reverse

from feedback_app.models import Example
from kaizen_engine.states import InsightState, SuggestionState, TopicLife
from tests.factories.insights import InsightFactory, SuggestedExampleFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def insight(project):
    return InsightFactory(task=TaskFactory(project=project, slug="triage"))


@pytest.fixture
def suggestion(insight):
    return SuggestedExampleFactory(insight=insight)


def address(insight, name="insight", **more):
    project = insight.task.project.slug
    return reverse(
        f"insights:{name}", kwargs={"project": project, "insight": insight.public_id, **more}
    )


def decision(suggestion):
    return address(suggestion.insight, "decide", suggestion=suggestion.public_id)


def listing(project):
    return reverse("insights:list", kwargs={"project": project.slug})


def test_a_viewer_reads_open_insights_and_is_offered_no_button(client, viewer, project, insight):
    client.force_login(viewer)
    InsightFactory(task=insight.task, name="old news", state=InsightState.DISMISSED.value)
    page = client.get(listing(project)).content.decode()
    assert insight.name in page
    assert "old news" not in page
    assert "Mark as applied" not in client.get(address(insight)).content.decode()


def test_the_address_filters_by_prompt_state_and_life(client, viewer, project, insight):
    client.force_login(viewer)
    InsightFactory(task=insight.task, name="mended", life=TopicLife.FIXED.value)
    found = client.get(listing(project), {"task": "triage", "state": "open", "life": "fixed"})
    assert "mended" in found.content.decode()
    assert insight.name not in found.content.decode()
    assert "Nothing here" in client.get(listing(project), {"task": "none"}).content.decode()


def test_an_outsider_finds_nothing(client, outsider, project, insight, suggestion):
    client.force_login(outsider)
    assert client.get(listing(project)).status_code == 404
    assert client.get(address(insight)).status_code == 404
    assert client.post(address(insight, "move"), {"to": "applied"}).status_code == 404
    assert client.post(decision(suggestion)).status_code == 404


def test_a_viewer_decides_nothing(client, viewer, insight, suggestion):
    client.force_login(viewer)
    assert client.post(address(insight, "move"), {"to": "applied"}).status_code == 403
    assert client.post(decision(suggestion), {"decision": "accept"}).status_code == 403


def test_an_editor_applies_an_insight_with_a_reason(client, editor, insight):
    client.force_login(editor)
    answer = client.post(
        address(insight, "move"), {"to": "applied", "reason": "three examples added"}, follow=True
    )
    assert "marked as applied" in answer.content.decode()
    insight.refresh_from_db()
    assert insight.state == InsightState.APPLIED


def test_a_button_that_is_none_changes_nothing(client, editor, insight):
    client.force_login(editor)
    answer = client.post(address(insight, "move"), {"to": "deleted"}, follow=True)
    assert "Press one of the buttons" in answer.content.decode()


def test_an_editor_accepts_an_example_with_another_answer(client, editor, suggestion):
    client.force_login(editor)
    form = {"decision": "accept", "output.label": "arrival"}
    client.post(decision(suggestion), form)
    assert Example.objects.get().outputs == {"label": "arrival"}


def test_an_answer_outside_the_labels_is_refused_in_words(client, editor, suggestion):
    task = suggestion.insight.task
    task.output_schema["properties"]["label"]["enum"] = ["arrival", "fee"]
    task.save()
    client.force_login(editor)
    form = {"decision": "accept", "output.label": "zebra"}
    answer = client.post(decision(suggestion), form, follow=True)
    assert "is none of arrival, fee" in answer.content.decode()
    suggestion.refresh_from_db()
    assert suggestion.state == SuggestionState.PENDING


def test_hostile_text_renders_inert(client, viewer, project):
    hostile = "<script>alert(1)</script>"
    insight = InsightFactory(
        task=TaskFactory(project=project), name=hostile, diagnosis=hostile, finding=hostile
    )
    SuggestedExampleFactory(insight=insight, inputs={"text": hostile}, writer=hostile)
    client.force_login(viewer)
    for url in (listing(project), address(insight)):
        assert "<script>alert" not in client.get(url).content.decode()
