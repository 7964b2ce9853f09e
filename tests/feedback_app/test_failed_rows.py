"""What people do with a row that a prompt got wrong: take it out, collect it, make it a case."""

import pytest

from feedback_app.models import Dataset, Example
from feedback_app.selectors import examples_known
from feedback_app.services.collecting import examples_collect
from feedback_app.services.dismissal import feedback_dismiss
from feedback_app.services.mislabelled import example_mislabel, example_reinstate
from feedback_app.services.red_team import example_to_red_team
from kaizen_engine.states import Split
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import DatasetFactory, ExampleFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(project):
    return ExampleFactory(task=TaskFactory(project=project), from_feedback=True)


def actions():
    return list(AuditEntry.objects.order_by("id").values_list("action", "reason"))


def test_a_row_with_a_wrong_answer_leaves_later_jobs_and_comes_back(row, editor_actor):
    assert example_mislabel(actor=editor_actor, example=row, reason="it was a refund")
    assert not examples_known(row.task).exists()
    assert not example_mislabel(actor=editor_actor, example=row)
    assert example_reinstate(actor=editor_actor, example=row)
    assert not example_reinstate(actor=editor_actor, example=row)
    assert examples_known(row.task).get() == row
    assert actions() == [
        ("kaizen.example.mislabelled", "it was a refund"),
        ("kaizen.example.reinstated", ""),
    ]


def test_what_was_dismissed_with_its_feedback_is_not_brought_back_here(row, editor_actor):
    feedback_dismiss(actor=editor_actor, rows=[row.feedback])
    assert not example_reinstate(actor=editor_actor, example=row)


def test_a_row_becomes_a_red_team_case_with_its_whole_group(row, editor_actor):
    ExampleFactory(task=row.task, group=row.group)
    other = ExampleFactory(task=row.task)
    assert example_to_red_team(actor=editor_actor, example=row) == 2
    assert example_to_red_team(actor=editor_actor, example=row) == 0
    splits = dict(Example.objects.values_list("pk", "split"))
    assert splits[row.pk] == Split.RED_TEAM
    assert splits[other.pk] == Split.DEV
    assert len(actions()) == 1


def test_rows_are_collected_under_a_name_that_a_job_may_choose(row, editor_actor):
    more = ExampleFactory(task=row.task)
    dataset, come = examples_collect(
        actor=editor_actor, task=row.task, name=" Failures ", examples=[row]
    )
    again, came = examples_collect(
        actor=editor_actor, task=row.task, name="Failures", examples=[row, more]
    )
    assert (dataset.pk, come, came) == (again.pk, 1, 1)
    assert again.frozen_at
    assert again.report["stored"] == again.examples.count() == 2


def test_the_dataset_of_a_file_is_closed_and_keeps_its_rows(row, editor_actor):
    filed = DatasetFactory(task=row.task, frozen=True, name="Rows")
    mine = ExampleFactory(task=row.task, dataset=filed)
    with pytest.raises(Conflict):
        examples_collect(actor=editor_actor, task=row.task, name="Rows", examples=[row])
    collected = {"actor": editor_actor, "task": row.task, "name": "Failures"}
    assert examples_collect(**collected, examples=[mine])[1] == 0
    mine.refresh_from_db()
    assert mine.dataset == filed


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "feedback import"])
def test_a_collection_needs_a_name_of_its_own(row, editor_actor, name):
    with pytest.raises((InvalidInput, Conflict)):
        examples_collect(actor=editor_actor, task=row.task, name=name, examples=[row])
    assert not Dataset.objects.exists()


def calls(row, actor):
    collected = {"actor": actor, "task": row.task, "name": "x", "examples": [row]}
    return (
        lambda: example_mislabel(actor=actor, example=row),
        lambda: example_reinstate(actor=actor, example=row),
        lambda: example_to_red_team(actor=actor, example=row),
        lambda: examples_collect(**collected),
    )


def test_the_hold_out_is_chosen_by_nobody(row, editor_actor):
    row.split = Split.TEST.value
    row.save()
    for call in calls(row, editor_actor):
        with pytest.raises(InvalidInput):
            call()
    row.refresh_from_db()
    assert (row.split, row.dismissed_at, row.dataset) == (Split.TEST, None, None)


def test_a_viewer_may_not_and_a_stranger_finds_nothing(row, viewer_actor, outsider_actor):
    for call in calls(row, viewer_actor):
        with pytest.raises(NotAllowed):
            call()
    for call in calls(row, outsider_actor):
        with pytest.raises(NotHere):
            call()
