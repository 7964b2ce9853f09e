"""Redaction leaves no word of the text, wherever it was copied to."""

import json

import pytest
from django.apps import apps
from django.db import connection

from feedback_app.models import Feedback
from feedback_app.selectors import examples_known
from feedback_app.services.dismissal import feedback_restore
from feedback_app.services.feedback import feedback_log
from feedback_app.services.redaction import feedback_redact
from feedback_app.wire import decode_item
from kaizen_engine.prompts.artifact import Demo
from optimization_app.models import EvaluationRow
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.insights import InsightFactory, SuggestedExampleFactory
from tests.factories.labels import LabelItemFactory
from tests.factories.llm import CallRecordFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory
from tests.factories.prompts import PromptVersionFactory, artifact_for

pytestmark = pytest.mark.django_db
SECRET = "call Zebedee on 5550123"


@pytest.fixture
def row(task):
    return FeedbackFactory(
        task=task,
        inputs={"text": SECRET},
        output={"label": SECRET},
        corrected_output={"label": SECRET},
        comment=SECRET,
        metadata={"user": SECRET},
    )


def tables_with(words):
    """Return the names of all tables in which the words are found."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            cursor.execute(f'SELECT * FROM "{table}"')
            if words in json.dumps(cursor.fetchall(), default=str):
                found.append(table)
    return found


def test_no_table_keeps_a_word_of_it(task, row, editor_actor):
    example = ExampleFactory(
        task=task,
        feedback=row,
        inputs=row.inputs,
        outputs=row.output,
        rated_output=row.output,
        comment=SECRET,
        split="test",
    )
    version = PromptVersionFactory(task=task)
    answer = EvaluationRowFactory(
        job=JobFactory(seed_version=version), example=example, text=SECRET, reasons={"why": SECRET}
    )
    CallRecordFactory(
        subject=answer.job.public_id, messages_hash=answer.messages_hash, response={"text": SECRET}
    )
    LabelItemFactory(task=task, example=example, inputs=row.inputs, answer={"label": SECRET})
    insight = InsightFactory(task=task)
    SuggestedExampleFactory(insight=insight, feedback=row, inputs=row.inputs)
    assert tables_with("Zebedee")
    redacted = feedback_redact(actor=editor_actor, rows=[row], reason="personal")
    assert tables_with("Zebedee") == []
    assert (redacted.rows, redacted.remains) == (1, ())
    example.refresh_from_db()
    assert example.inputs == {"text": "[redacted]"}
    assert not examples_known(task)
    assert EvaluationRow.objects.get().score == answer.score


def test_what_stays_is_when_of_what_and_how_good(task, row, editor_actor):
    feedback_redact(actor=editor_actor, rows=[row], reason="asked")
    after = Feedback.objects.get(pk=row.pk)
    assert (after.score, after.origin, after.created_at) == (row.score, row.origin, row.created_at)
    assert after.redacted_at
    entry = AuditEntry.objects.get(action="kaizen.feedback.redacted")
    assert entry.data == {"why": "asked"}
    assert feedback_redact(actor=editor_actor, rows=[after], reason="asked").rows == 0
    assert feedback_restore(actor=editor_actor, rows=[after]) == 0


def test_a_version_that_shows_it_is_named(task, row, editor_actor):
    demo = Demo({"text": SECRET.upper()}, {"label": "x"})
    artifact = {**artifact_for(task).to_dict(), "demos": [demo.to_dict()]}
    PromptVersionFactory(task=task, artifact=artifact)
    redacted = feedback_redact(actor=editor_actor, rows=[row], reason="secret")
    assert "Version 1 shows it" in redacted.remains[0]


def test_a_retry_of_the_event_neither_fails_nor_brings_the_text_back(task, row, item, editor_actor):
    feedback_redact(actor=editor_actor, rows=[row], reason="personal")
    again = decode_item(json.dumps(item(event_id=row.event_id, comment=SECRET)).encode())
    logged = feedback_log(actor=editor_actor, item=again)
    assert (logged.public_id, logged.is_new) == (row.public_id, False)
    assert tables_with("Zebedee") == []


def test_it_takes_a_reason_from_the_list_and_an_editor_of_the_project(
    row, editor_actor, viewer_actor, outsider_actor
):
    with pytest.raises(InvalidInput):
        feedback_redact(actor=editor_actor, rows=[row], reason=SECRET)
    with pytest.raises(NotAllowed):
        feedback_redact(actor=viewer_actor, rows=[row], reason="other")
    with pytest.raises(NotHere):
        feedback_redact(actor=outsider_actor, rows=[row], reason="other")
    assert Feedback.objects.get().comment == SECRET
