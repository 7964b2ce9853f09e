"""The inbox and the page of one feedback: what they show, to whom, and what editors do there."""

import csv
import io
import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from feedback_app import inbox
from feedback_app.models import Example, Feedback
from feedback_app.services.dismissal import feedback_dismiss
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory, object_schema

pytestmark = pytest.mark.django_db
PLACE = "/p/support/feedback/"
HOSTILE = "<script>alert(1)</script> \u202eevil =HYPERLINK(1)"


@pytest.fixture
def rows(task):
    return [
        FeedbackFactory(task=task, score=0.05, comment="far too late", thumb=False),
        FeedbackFactory(task=task, score=1.0, comment="right", inputs={"text": "Zürich parcel"}),
        FeedbackFactory(task=task, score=None, thumb=True, origin="random"),
    ]


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def shown(client, query=""):
    """Return the public ids of the rows on the page."""
    page = client.get(f"{PLACE}?{query}").content.decode()
    return re.findall(r'name="row" value="([0-9a-f-]+)"', page)


def ids(*rows):
    return [str(row.public_id) for row in rows]


def test_the_inbox_shows_the_newest_first_with_its_spread(client, viewer, rows):
    client.force_login(viewer)
    page = text(client.get(PLACE))
    assert page.index("right") < page.index("far too late")
    assert "With a score: 2. Without one, thumbs up: 1, thumbs down: 0, neither: 0." in page
    assert '<a href="?low=0.0&amp;high=0.0999">0.0–0.1</a></td><td>1</td>' in page
    assert "Make examples" not in page


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("text=LATE", [0]),
        ("text=Zürich", [1]),
        ("low=0.5", [1]),
        ("high=0.5", [0]),
        ("thumb=up", [2]),
        ("origin=random", [2]),
        ("task=triage&thumb=down", [0]),
        ("task=unknown", [2, 1, 0]),
        ("before=0001-01-01", []),
        ("before=2901-01-01", [2, 1, 0]),
        ("state=dismissed", []),
        ("version=abc", []),
        ("low=0.9&high=0.1", [1]),
    ],
)
def test_filters_in_the_address_narrow_it(client, editor, rows, query, wanted):
    client.force_login(editor)
    assert shown(client, query) == ids(*(rows[place] for place in wanted))


def test_an_earlier_day_is_found_by_the_public_id(client, editor, task):
    first = FeedbackFactory(task=task, public_id=UUID(int=1_600_000_000_000 << 80))
    FeedbackFactory(task=task)
    client.force_login(editor)
    assert shown(client, "before=2021-01-01") == ids(first)


def test_only_the_newest_rows_are_read_and_the_page_says_so(client, editor, rows, monkeypatch):
    monkeypatch.setattr(inbox, "MOST_READ", 2)
    client.force_login(editor)
    assert shown(client) == ids(rows[2], rows[1])
    assert shown(client, "text=late") == []
    assert "the filter “Before” goes further back" in text(client.get(PLACE))


def test_what_an_answer_came_from_is_named_and_can_be_filtered(client, editor, task):
    version = PromptVersionFactory(task=task)
    row = FeedbackFactory(task=task, prompt_hash=version.hash)
    FeedbackFactory(task=task, prompt_hash="e" * 64)
    client.force_login(editor)
    page = text(client.get(PLACE))
    assert "version 1" in page
    assert ">eeeeeeee</a>" in page
    assert shown(client, f"version={version.hash}") == ids(row)


def test_no_text_of_a_hold_out_row_is_shown_found_or_exported(client, editor, task):
    row = FeedbackFactory(task=task, inputs={"text": "secret words"}, comment="secret words")
    ExampleFactory(task=task, feedback=row, split="test", inputs=row.inputs)
    client.force_login(editor)
    places = (PLACE, f"{PLACE}{row.public_id}/", f"{PLACE}feedback.csv")
    for place in places:
        answer = client.get(place)
        content = b"".join(answer) if answer.streaming else answer.content
        assert b"secret words" not in content
        assert str(row.public_id).encode() in content
    assert shown(client, "text=secret") == []


def test_the_page_of_one_says_everything_and_marks_personal_data(client, viewer, project):
    marked = {**object_schema(who={"type": "string", "x-pii": True}), "required": []}
    task = TaskFactory(project=project, input_schema=marked)
    row = FeedbackFactory(
        task=task,
        inputs={"who": HOSTILE, "more": "x" * 3000},
        corrected_output={"label": "shipping"},
        metadata={"user_id": 7},
    )
    ExampleFactory(task=task, feedback=row, outputs={"label": "shipping"})
    client.force_login(viewer)
    page = text(client.get(f"{PLACE}{row.public_id}/"))
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert page.count("Personal data") == 1
    assert "All 3000 characters" in page
    for words in ("Corrected answer", "shipping", "user_id", "The example made of it", "Dev"):
        assert words in page
    assert "Redact" not in page


def test_the_file_has_the_same_rows_and_no_formula(client, viewer, task):
    FeedbackFactory(task=task, comment="=1+1")
    FeedbackFactory(task=task, thumb=False, comment="no")
    client.force_login(viewer)
    answer = client.get(f"{PLACE}feedback.csv?thumb=")
    lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert [line["comment"] for line in lines] == ["no", "'=1+1"]
    assert lines[0]["thumb"] == "down"


def act(client, what, *rows, **more):
    form = {"act": what, "row": ids(*rows), "query": "thumb=up", **more}
    return client.post(f"{PLACE}act/", form, follow=True)


def test_an_editor_dismisses_and_takes_it_back_at_once(client, editor, rows):
    client.force_login(editor)
    answer = act(client, "dismiss", *rows[:2])
    assert answer.redirect_chain == [(f"{PLACE}?thumb=up", 302)]
    page = text(answer)
    assert "2 dismissed: no job uses them." in page
    assert "Undo" in page
    assert "Undo" not in text(client.get(PLACE))
    assert shown(client, "state=dismissed") == ids(rows[1], rows[0])
    assert "2 put back." in text(act(client, "restore", *rows[:2]))
    assert "somebody did it before" not in text(client.get(PLACE))


def test_the_loser_of_a_race_is_told(client, editor, editor_actor, rows):
    feedback_dismiss(actor=editor_actor, rows=rows[:1])
    client.force_login(editor)
    assert "somebody did it before" in text(act(client, "dismiss", rows[0]))


def test_redaction_asks_twice(client, editor, rows):
    client.force_login(editor)
    assert "confirm that the text cannot" in text(act(client, "redact", rows[0], reason="other"))
    assert "say why" in text(act(client, "redact", rows[0], sure="on", reason="far too late"))
    assert Feedback.objects.get(pk=rows[0].pk).comment
    page = text(act(client, "redact", rows[0], sure="on", reason="other", is_item="1"))
    assert "1 redacted: its text is gone." in page
    assert "far too late" not in page
    assert not Feedback.objects.get(pk=rows[0].pk).comment


def test_many_become_examples_where_they_say_what_is_right(client, editor, rows):
    client.force_login(editor)
    page = text(act(client, "promote", *rows))
    assert "2 are examples now." in page
    assert "1 left as it was: write the right answer" in page
    assert Example.objects.count() == 2


def test_one_becomes_an_example_with_the_answer_that_was_written(client, editor, rows):
    client.force_login(editor)
    place = f"{PLACE}{rows[0].public_id}/promote/"
    refused = client.post(place, {"output.label": ""})
    assert refused.status_code == 400
    assert "write the right answer" in text(refused)
    page = text(client.post(place, {"output.label": "shipping"}, follow=True))
    assert "It is an example now" in page
    assert Example.objects.get().outputs == {"label": "shipping"}
    again = text(client.post(place, {"output.label": "shipping"}, follow=True))
    assert "an example already" in again


def test_a_viewer_changes_nothing_and_a_stranger_sees_nothing(client, viewer, outsider, rows):
    one = f"{PLACE}{rows[0].public_id}/"
    client.force_login(viewer)
    assert client.get(one).status_code == 200
    assert client.post(f"{PLACE}act/", {"act": "dismiss"}).status_code == 403
    assert client.post(f"{one}promote/").status_code == 403
    assert client.get(f"{PLACE}act/").status_code == 405
    client.force_login(outsider)
    elsewhere = "/p/elsewhere/feedback/"
    for place in (PLACE, one, f"{elsewhere}{rows[0].public_id}/", f"{PLACE}feedback.csv"):
        assert client.get(place).status_code == 404
    client.post(f"{elsewhere}act/", {"act": "dismiss", "row": ids(*rows)})
    assert not Feedback.objects.filter(dismissed_at__isnull=False)


def test_the_list_asks_as_much_of_the_database_for_many_rows_as_for_one(
    client, viewer, task, django_assert_max_num_queries
):
    FeedbackFactory(task=task)
    client.force_login(viewer)
    client.get(PLACE)
    now = timezone.now()
    for number in range(30):
        FeedbackFactory(task=task, prompt_hash="a" * 64, created_at=now - timedelta(number))
    with django_assert_max_num_queries(12) as asked:
        page = client.get(PLACE)
    assert page.content.decode().count("/feedback/0") >= 25
    assert not [one for one in asked.captured_queries if "COUNT(*)" in one["sql"]]
