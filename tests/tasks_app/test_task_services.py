"""Making and changing tasks: who may, what is refused, and what the audit trail keeps."""

import pytest
from django.utils import timezone

from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tasks_app.models import Task
from tasks_app.selectors import task_by_public_id, task_get, task_list, tasks_by_slug
from tasks_app.services import task_create, task_infer, task_update
from tests.factories.llm import ConnectionFactory
from tests.factories.tasks import TaskFactory, object_schema

pytestmark = pytest.mark.django_db


def test_a_task_is_made_with_its_models_and_one_audit_entry(editor_actor, project):
    connection = ConnectionFactory(project=project, slug="demo")
    task = task_create(
        actor=editor_actor,
        project=project,
        slug="triage",
        student="demo/words/v1",
        threshold=7,
        input_schema=object_schema(text={"type": "string"}),
        output_schema=object_schema(label={"type": "string", "enum": ["a", "b"]}),
    )
    task.refresh_from_db()
    assert (task.name, task.threshold, task.student) == ("triage", 7, "demo/words/v1")
    assert task.student_connection == connection
    assert task.teacher == task.student
    entry = AuditEntry.objects.get(action="kaizen.task.created")
    assert entry.object_id == str(task.public_id)


def test_a_lone_output_may_be_given_by_its_own_schema(editor_actor, project):
    label = {"type": "string", "enum": ["a", "b"]}
    task = task_create(actor=editor_actor, project=project, slug="triage", output_schema=label)
    assert task.output_schema["properties"] == {"output": label}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "not a slug"),
        ("threshold", 0),
        ("good_score", 1.5),
        ("feedback_origin", "import"),
        ("student", "without-a-model"),
        ("student", "nowhere/model"),
        ("teacher", "/model"),
        ("input_schema", {"type": "string"}),
        ("output_schema", {"properties": {"label": {"type": "null"}}}),
        ("colour", "red"),
    ],
)
def test_a_refused_value_names_its_field(editor_actor, project, field, value):
    with pytest.raises(InvalidInput) as refusal:
        task_create(actor=editor_actor, project=project, **{"slug": "triage", field: value})
    assert list(refusal.value.errors) == [field]
    assert not Task.objects.exists()


def test_a_connection_of_another_project_is_unknown(editor_actor, project, other_project):
    ConnectionFactory(project=other_project, slug="theirs")
    with pytest.raises(InvalidInput):
        task_create(actor=editor_actor, project=project, slug="triage", student="theirs/model")


def test_a_slug_is_taken_once_a_project(editor_actor, project):
    TaskFactory(project=project, slug="triage")
    TaskFactory(slug="elsewhere")
    with pytest.raises(Conflict):
        task_create(actor=editor_actor, project=project, slug="triage")
    assert task_create(actor=editor_actor, project=project, slug="elsewhere").pk


def test_a_viewer_and_an_outsider_make_no_task(viewer_actor, outsider_actor, project):
    with pytest.raises(NotAllowed):
        task_create(actor=viewer_actor, project=project, slug="triage")
    with pytest.raises(NotHere):
        task_create(actor=outsider_actor, project=project, slug="triage")


def test_a_change_is_audited_with_old_and_new_and_nothing_else(editor_actor, project):
    task = TaskFactory(project=project, threshold=50)
    changed = task_update(actor=editor_actor, task=task, threshold=9, auto_trigger=True)
    assert changed.threshold == 9
    assert AuditEntry.objects.get().data == {"changes": {"threshold": [50, 9]}}


def test_a_change_that_changes_nothing_leaves_no_trace(editor_actor, project):
    task_update(actor=editor_actor, task=TaskFactory(project=project), auto_trigger=True)
    assert not AuditEntry.objects.exists()


def test_models_are_changed_by_their_spelling(editor_actor, project):
    ConnectionFactory(project=project, slug="big")
    task = task_update(
        actor=editor_actor, task=TaskFactory(project=project), teacher="big/model", student=""
    )
    assert (task.student, task.teacher) == ("", "big/model")


def test_an_outsider_changes_no_task(outsider_actor, project):
    with pytest.raises(NotHere):
        task_update(actor=outsider_actor, task=TaskFactory(project=project), threshold=9)


def test_the_first_feedback_gives_an_unknown_task_its_schema(editor_actor):
    task = task_infer(
        actor=editor_actor, slug="triage", inputs={"text": "hello", "turn": 2}, output="a"
    )
    assert set(task.input_schema["properties"]) == {"text", "turn"}
    assert task.input_schema["additionalProperties"] is True
    assert task.output_schema["properties"] == {"output": {"type": "string"}}
    assert task.student == ""


def test_the_loser_of_a_race_to_infer_gets_the_winners_task(editor_actor, project):
    winner = TaskFactory(project=project, slug="triage")
    found = task_infer(actor=editor_actor, slug="triage", inputs={"text": "hello"}, output="a")
    assert found == winner


def test_a_task_is_found_in_its_own_project_only(project, other_project):
    task = TaskFactory(project=project, slug="triage")
    assert task_get(project, "triage") == task_by_public_id(project, task.public_id) == task
    for lookup in (
        lambda: task_get(other_project, "triage"),
        lambda: task_by_public_id(other_project, task.public_id),
        lambda: task_by_public_id(project, "no uuid"),
    ):
        with pytest.raises(NotHere) as refusal:
            lookup()
        assert refusal.value.code == "unknown_task"


def test_a_list_goes_on_after_a_slug(project):
    for slug in ("c", "a", "b"):
        TaskFactory(project=project, slug=slug)
    TaskFactory(slug="foreign")
    assert [task.slug for task in task_list(project, limit=2)] == ["a", "b"]
    assert [task.slug for task in task_list(project, after="b")] == ["c"]


def test_the_hot_path_reads_a_task_once_and_sees_a_change_at_once(
    editor_actor, project, django_assert_num_queries
):
    task = TaskFactory(project=project, slug="triage", threshold=50)
    TaskFactory(slug="foreign")
    with django_assert_num_queries(1):
        for _ in range(3):
            assert tasks_by_slug(project.pk, {"triage"}) == {"triage": task}
    task_update(actor=editor_actor, task=task, threshold=9)
    assert tasks_by_slug(project.pk, {"triage"})["triage"].threshold == 9
    assert tasks_by_slug(project.pk, {"foreign", "no slug\n"}) == {}


def test_an_archived_task_takes_no_more_feedback(project):
    task = TaskFactory(project=project, slug="triage")
    assert tasks_by_slug(project.pk, {"triage"})
    task.archived_at = timezone.now()
    task.save()
    assert tasks_by_slug(project.pk, {"triage"}) == {}


JUDGE = {"kind": "rubric", "model": "demo/m", "rubric": "Kind."}


def test_an_evaluator_is_stored_as_an_object_with_its_change_in_the_audit_trail(
    editor_actor, project
):
    ConnectionFactory(project=project, slug="demo")
    task = task_create(actor=editor_actor, project=project, slug="triage", evaluator="levenshtein")
    assert (task.evaluator, task.metric) == ({"kind": "levenshtein"}, "levenshtein")
    task_update(actor=editor_actor, task=task, evaluator=JUDGE)
    task.refresh_from_db()
    assert task.evaluator == JUDGE
    entry = AuditEntry.objects.get(action="kaizen.task.changed")
    assert entry.data["changes"]["evaluator"] == [{"kind": "levenshtein"}, JUDGE]


@pytest.mark.parametrize(
    ("spec", "places"),
    [
        ("vibes", ["evaluator.kind"]),
        (None, ["evaluator"]),
        ([], ["evaluator"]),
        ({"kind": "regex", "pattern": "("}, ["evaluator.pattern"]),
        ({"kind": "composite", "parts": [{"kind": "bleu"}]}, ["evaluator.parts[0].weight"]),
        ({**JUDGE, "model": "nowhere/m"}, ["evaluator"]),
        ({**JUDGE, "rubric": "x" * 20_000}, ["evaluator.rubric"]),
    ],
)
def test_a_wrong_evaluator_names_each_place(editor_actor, project, spec, places):
    ConnectionFactory(project=project, slug="demo")
    ConnectionFactory(slug="nowhere")
    with pytest.raises(InvalidInput) as refusal:
        task_create(actor=editor_actor, project=project, slug="triage", evaluator=spec)
    assert list(refusal.value.errors) == places
    assert not Task.objects.exists()
