"""What feedback teaches: labels, groups, splits for ever, and which rows decide."""

from collections import Counter
from uuid import uuid4

import pytest

from feedback_app.models import Example
from feedback_app.selectors import FEEDBACK_IMPORT
from feedback_app.services.datasets import dataset_create, dataset_declare
from feedback_app.services.examples import (
    examples_mark_looked,
    examples_mark_used,
    examples_prepare,
)
from feedback_app.services.feedback import feedback_consume
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.tasks import TaskFactory, object_schema

pytestmark = pytest.mark.django_db
BILLING, SHIPPING = {"label": "billing"}, {"label": "shipping"}
LABELS_BEFORE = object_schema(label={"type": "string", "enum": ["old", "new"]})
LABELS_AFTER = object_schema(label={"type": "string", "enum": ["new"]})


@pytest.fixture
def task(project):
    return TaskFactory(project=project, scored=True)


def prepared(task):
    """Take what is unconsumed, as a job does, and prepare the task's examples."""
    job = uuid4()
    feedback_consume(task=task, job_id=job)
    return examples_prepare(task=task, job_id=job)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"score": 1.0}, BILLING),
        ({"score": 0.8}, BILLING),
        ({"score": 0.79}, None),
        ({"score": 0.4}, None),
        ({"score": None, "thumb": True}, BILLING),
        ({"score": None, "thumb": False}, None),
        ({"score": None, "thumb": None, "comment": "hm"}, None),
        ({"score": 0.1, "thumb": True}, None),
        ({"score": 0.9, "thumb": False}, BILLING),
        ({"score": 0.0, "corrected_output": SHIPPING}, SHIPPING),
        ({"score": 1.0, "corrected_output": SHIPPING}, SHIPPING),
        ({"score": 1.0, "output": None}, None),
    ],
)
def test_a_correction_wins_and_a_good_answer_is_its_own_label(task, said, label):
    FeedbackFactory(task=task, **said)
    assert [row.outputs for row in prepared(task)] == ([label] if label else [])


def test_the_task_says_what_good_is(project):
    task = TaskFactory(project=project, good_score=0.5)
    FeedbackFactory(task=task, score=0.5)
    assert len(prepared(task)) == 1


def test_an_example_carries_its_row(task):
    row = FeedbackFactory(task=task, corrected=True, comment="it is about a parcel")
    example = prepared(task)[0]
    assert (example.feedback, example.inputs, example.comment) == (row, row.inputs, row.comment)
    assert (example.origin, example.looks, example.is_seen) == ("random", 0, False)
    assert example.group
    assert example.split in {"train", "dev"}


def test_only_rows_that_a_job_took_become_examples(task):
    FeedbackFactory(task=task)
    assert examples_prepare(task=task, job_id=uuid4()) == []


def test_preparing_again_changes_nothing(task):
    FeedbackFactory.create_batch(10, task=task)
    first = [(row.pk, row.split) for row in prepared(task)]
    again = [(row.pk, row.split) for row in prepared(task)]
    assert first == again == list(Example.objects.order_by("pk").values_list("pk", "split"))


def test_a_row_keeps_its_split_whatever_comes_later(task):
    FeedbackFactory.create_batch(40, task=task)
    first = {row.pk: row.split for row in prepared(task)}
    assert Counter(first.values()) == {"train": 8, "dev": 32}
    FeedbackFactory.create_batch(160, task=task)
    later = {row.pk: row.split for row in prepared(task)}
    assert {key: later[key] for key in first} == first
    assert Counter(later.values())["test"] == 40
    assert later == dict(Example.objects.values_list("pk", "split"))


def test_the_same_words_stay_together(task):
    for text in ("Where is my parcel?", "where is my  PARCEL?"):
        FeedbackFactory(task=task, inputs={"text": text})
    FeedbackFactory.create_batch(20, task=task)
    twins = prepared(task)[:2]
    assert twins[0].group == twins[1].group
    assert twins[0].split == twins[1].split


def test_rows_a_person_reported_never_become_hold_out(project):
    task = TaskFactory(project=project)
    FeedbackFactory.create_batch(200, task=task, origin="user")
    examples = prepared(task)
    assert not any(row.is_deciding for row in examples)
    assert {row.split for row in examples} == {"train", "dev"}


def test_a_row_that_no_longer_fits_the_schema_stays_out(task):
    FeedbackFactory(task=task)
    FeedbackFactory(task=task, output={"other": "x"})
    assert len(prepared(task)) == 1
    task.output_schema = object_schema(kind={"type": "string"})
    task.save()
    assert prepared(task) == []


def test_inputs_that_are_no_plain_json_make_no_example(task):
    FeedbackFactory(task=task, inputs={"text": "x", "n": 10**400})
    assert prepared(task) == []


def test_preparing_takes_few_queries_however_many_rows(task, django_assert_max_num_queries):
    FeedbackFactory.create_batch(200, task=task)
    job = uuid4()
    feedback_consume(task=task, job_id=job)
    with django_assert_max_num_queries(20):
        examples_prepare(task=task, job_id=job)


@pytest.mark.parametrize("is_declared", [True, False])
def test_imported_rows_decide_where_a_member_declared_the_import(editor_actor, task, is_declared):
    dataset_create(
        actor=editor_actor,
        project=task.project,
        task=task,
        name=FEEDBACK_IMPORT,
        is_representative=is_declared,
    )
    FeedbackFactory(task=task, origin="import")
    FeedbackFactory(task=task, origin="generated")
    FeedbackFactory(task=task, origin="user")
    assert [row.is_deciding for row in prepared(task)] == [is_declared, False, False]


def test_a_declaration_holds_for_rows_imported_before_it_and_until_it_is_taken_back(
    editor_actor, task
):
    FeedbackFactory(task=task, origin="import")
    assert not prepared(task)[0].is_deciding
    dataset = DatasetFactory(task=task, name=FEEDBACK_IMPORT)
    for is_sample in (True, False):
        dataset_declare(actor=editor_actor, dataset=dataset, is_representative=is_sample)
        row = prepared(task)[0]
        assert (row.is_deciding, row.dataset) == (is_sample, dataset if is_sample else None)
    assert AuditEntry.objects.filter(action="kaizen.dataset.declared").count() == 2


def test_another_tasks_declaration_says_nothing(task):
    DatasetFactory(name=FEEDBACK_IMPORT, representative=True)
    DatasetFactory(task=task, name="something else", representative=True)
    FeedbackFactory(task=task, origin="import")
    assert not prepared(task)[0].is_deciding


def test_a_dataset_needs_a_name_a_right_and_ones_own_project(
    editor_actor, viewer_actor, outsider_actor, task
):
    for actor, name, refusal in (
        (editor_actor, " ", InvalidInput),
        (viewer_actor, "rows", NotAllowed),
        (outsider_actor, "rows", NotHere),
    ):
        with pytest.raises(refusal):
            dataset_create(actor=actor, project=task.project, task=task, name=name)
    with pytest.raises(NotHere):
        dataset_declare(
            actor=outsider_actor, dataset=DatasetFactory(task=task), is_representative=True
        )


def test_used_rows_are_marked_once_and_looks_are_counted(task):
    rows = ExampleFactory.create_batch(3, task=task)
    foreign = ExampleFactory()
    ids = [rows[0].pk, rows[1].pk, foreign.pk]
    assert examples_mark_used(task=task, example_ids=ids) == 2
    assert examples_mark_used(task=task, example_ids=ids) == 0
    assert examples_mark_looked(task=task, example_ids=ids) == 2
    assert examples_mark_looked(task=task, example_ids=ids[:1]) == 1
    seen = Example.objects.order_by("pk").values_list("is_seen", "looks")
    assert list(seen) == [(True, 2), (True, 1), (False, 0), (False, 0)]


def test_the_same_inputs_logged_again_are_not_unseen(task):
    for text in ("where is my parcel", "Where is my PARCEL"):
        FeedbackFactory(task=task, inputs={"text": text})
        rows = prepared(task)
        examples_mark_looked(task=task, example_ids=[rows[0].pk])
    assert [row.looks for row in prepared(task)] == [2, 2]
    assert list(Example.objects.values_list("looks", flat=True)) == [2, 2]


def test_a_group_keeps_its_split_though_its_first_rows_fit_no_longer(project):
    task = TaskFactory(project=project, scored=True, output_schema=LABELS_BEFORE)
    FeedbackFactory.create_batch(20, task=task, output={"label": "old"})
    before = {row.group: row.split for row in prepared(task)}
    task.output_schema = LABELS_AFTER
    task.save()
    for row in list(task.feedback.all()):
        FeedbackFactory(task=task, inputs=row.inputs, output={"label": "new"})
    FeedbackFactory.create_batch(200, task=task, output={"label": "new"})
    after = {row.group: row.split for row in prepared(task)}
    assert "test" in after.values()
    assert {group: after[group] for group in before} == before


def test_what_a_live_version_demonstrates_never_becomes_hold_out(task):
    rows = FeedbackFactory.create_batch(200, task=task)
    shown = [{"text": f"  {row.inputs['text'].upper()}"} for row in rows[:150]]
    job = uuid4()
    feedback_consume(task=task, job_id=job)
    examples = examples_prepare(task=task, job_id=job, shown=shown)
    held_out = {row.feedback_id for row in examples if row.split == "test"}
    assert len(held_out) == 40
    assert held_out <= {row.pk for row in rows[150:]}
