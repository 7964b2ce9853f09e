"""The evaluator page: who may change it, and what a preview says before anything is saved."""

import json
import subprocess
import sys

import pytest
from django.urls import reverse

from feedback_app.evaluator_preview import evaluator_preview
from kaizen_engine.states import Split
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.projects import UserFactory

pytestmark = pytest.mark.django_db

SPEC = {
    "kind": "composite",
    "parts": [
        {"kind": "exact_match", "weight": 0.7},
        {"kind": "length", "max_words": 1, "weight": 0.2},
        {"kind": "bleu", "weight": 0.1},
    ],
}


def address(task):
    return reverse("evaluator:task", kwargs={"project": task.project.slug, "task": task.slug})


def typed(spec, **more):
    return {"evaluator": spec if isinstance(spec, str) else json.dumps(spec), **more}


@pytest.fixture
def rows(task):
    """One answer that was corrected, and one hold-out row that nobody is to see."""
    given = FeedbackFactory(task=task, output={"label": "late parcel"})
    ExampleFactory(
        task=task, feedback=given, outputs={"label": "parcel"}, inputs={"text": "Where?"}
    )
    hidden = {"text": "held out"}
    ExampleFactory(task=task, split=Split.TEST.value, outputs={"label": "x"}, inputs=hidden)


def test_a_preview_scores_the_given_answers_part_by_part(task, rows):
    preview = evaluator_preview(task, SPEC)
    (row,) = preview.rows
    assert (preview.parts, preview.in_a_job) == (("exact_match", "length"), ("bleu",))
    assert (row.inputs, row.answer, row.expected) == ("Where?", "late parcel", "parcel")
    assert [mark.score for mark in row.marks] == [0, 0.5]
    assert preview.means == (0, 0.5)
    assert row.marks[1].reason == "2 words where 1 are allowed"


def test_a_rated_answer_has_no_score_where_something_must_be_expected(task):
    ExampleFactory(task=task, outputs={}, rated_output={"label": "x"}, rated_score=0.0)
    (row,) = evaluator_preview(task, SPEC).rows
    assert [mark.score for mark in row.marks] == [None, 1]


def test_a_row_of_a_dataset_shows_the_expected_answer(task):
    ExampleFactory(task=task, outputs={"label": "parcel"})
    (row,) = evaluator_preview(task, "exact_match").rows
    assert (row.answer, row.marks[0].score) == ("parcel", 1)


def test_a_judge_is_not_asked_for_a_preview(task, rows):
    judge = {"kind": "pairwise", "model": "nowhere/m", "rubric": "Kind."}
    preview = evaluator_preview(task, judge)
    assert (preview.parts, preview.in_a_job, preview.means) == ((), ("pairwise",), ())


def test_the_page_previews_what_was_typed_and_stores_nothing(client, editor, task, rows):
    client.force_login(editor)
    answer = client.post(address(task), typed(SPEC))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "late parcel" in page
    assert "2 words where 1 are allowed" in page
    assert "held out" not in page
    assert "Asked in a job only: bleu." in page
    assert Task.objects.get(pk=task.pk).evaluator == {"kind": "exact_match"}


def test_saving_stores_it_with_an_audit_entry_and_says_so(client, editor, task):
    client.force_login(editor)
    answer = client.post(address(task), typed(SPEC, save=""), follow=True)
    assert answer.redirect_chain == [(address(task), 302)]
    assert Task.objects.get(pk=task.pk).evaluator == SPEC
    assert "0.7 exact match + 0.2 length + 0.1 bleu" in answer.content.decode()


def test_a_bare_name_is_a_kind(client, editor, task):
    client.force_login(editor)
    client.post(address(task), typed(" levenshtein ", save=""))
    assert Task.objects.get(pk=task.pk).evaluator == {"kind": "levenshtein"}


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("{", "not acceptable JSON"),
        ("", "not acceptable JSON"),
        ("[1]", "must be an object"),
        ("vibes", "<code>kind</code>"),
        ('{"kind": "regex", "pattern": "(a"}', "<code>pattern</code>"),
        ('{"kind": "composite", "parts": [{"kind": "bleu"}]}', "<code>parts[0].weight</code>"),
        ("[" * 5000, "not acceptable JSON"),
    ],
)
@pytest.mark.parametrize("button", [{}, {"save": ""}])
def test_what_is_wrong_is_said_by_its_place(client, editor, task, written, place, button):
    client.force_login(editor)
    answer = client.post(address(task), typed(written, **button))
    assert answer.status_code == 400
    assert place in answer.content.decode()
    assert Task.objects.get(pk=task.pk).evaluator == {"kind": "exact_match"}


def test_a_viewer_reads_and_is_refused_every_post(client, viewer, task, rows):
    client.force_login(viewer)
    page = client.get(address(task)).content.decode()
    assert "late parcel" in page
    assert 'name="save"' not in page
    for button in ({}, {"save": ""}):
        assert client.post(address(task), typed(SPEC, **button)).status_code == 403
    assert Task.objects.get(pk=task.pk).evaluator == {"kind": "exact_match"}


def test_an_outsider_and_a_visitor_see_nothing(client, outsider, task):
    assert client.get(address(task)).status_code == 302
    client.force_login(outsider)
    assert client.get(address(task)).status_code == 404
    assert client.post(address(task), typed(SPEC, save="")).status_code == 404


def test_an_unknown_task_and_another_method_are_refused(client, editor, task):
    client.force_login(editor)
    unknown = {"project": task.project.slug, "task": "nowhere"}
    assert client.get(reverse("evaluator:task", kwargs=unknown)).status_code == 404
    assert client.delete(address(task)).status_code == 405


def test_the_admin_leads_to_the_preview_with_what_is_typed_there(client, task):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:tasks_app_task_change", args=[task.pk])).content.decode()
    assert f'formaction="{address(task)}"' in page
    assert page.index('name="_save"') < page.index("formaction=")


def test_the_page_loads_no_library_that_web_processes_do_without(task, rows):
    script = (
        "import django, sys; django.setup()\n"
        "from kaizen_engine.evaluate.composite import singles\n"
        "from kaizen_engine.evaluate.spec import describe_kinds, evaluator_from_spec, KINDS\n"
        "import feedback_app.evaluator_pages\n"
        "describe_kinds()\n"
        "heavy = {'dspy', 'sklearn', 'scipy', 'numpy', 'nltk', 'sacrebleu', 'textstat'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
