"""Feedback without labels: what people rated, what they said of it, and calls nobody judged yet."""

from collections import Counter
from uuid import uuid4

import pytest

from feedback_app.models import Example, Feedback, TaskCounter
from feedback_app.selectors import feedback_to_review
from feedback_app.services.examples import examples_prepare
from feedback_app.services.feedback import feedback_consume, feedback_log_batch
from feedback_app.services.review import feedback_judge
from feedback_app.wire import FeedbackItem
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
BAD = {"score": None, "thumb": False, "comment": "far too long"}
GOOD = {"score": None, "thumb": True}
OPEN = {"score": None, "thumb": None}


@pytest.fixture
def task(project):
    return TaskFactory(project=project, slug="triage")


def prepared(task, **options):
    job = uuid4()
    feedback_consume(task=task, job_id=job)
    return examples_prepare(task=task, job_id=job, **options)


def test_a_bad_answer_with_a_comment_teaches_in_train_and_is_no_label(task):
    FeedbackFactory(task=task, **BAD)
    FeedbackFactory.create_batch(20, task=task, **GOOD)
    row = next(row for row in prepared(task) if row.kind == "bad")
    assert (row.split, row.outputs, row.comment) == ("train", {}, "far too long")
    assert (row.rated_output, row.rated_score) == ({"label": "billing"}, 0.0)


def test_bad_rows_leave_the_shares_of_train_and_dev_to_rows_that_score(task):
    FeedbackFactory.create_batch(30, task=task, **BAD)
    FeedbackFactory.create_batch(20, task=task, **GOOD)
    rows = Counter((row.kind, row.split) for row in prepared(task))
    assert rows == {("bad", "train"): 30, ("good", "train"): 4, ("good", "dev"): 16}


def test_with_a_judge_thumbs_and_comments_alone_reach_every_split(project):
    task = TaskFactory(project=project, scored=True)
    FeedbackFactory.create_batch(80, task=task, **BAD)
    FeedbackFactory.create_batch(80, task=task, **GOOD)
    rows = prepared(task, is_judged=True)
    assert {(row.kind, row.split) for row in rows} == {
        (kind, split) for kind in ("bad", "good") for split in ("train", "dev", "test")
    }
    assert all(row.is_deciding for row in rows)


@pytest.mark.parametrize(
    "said",
    [
        {"score": 0.0},
        {"score": 0.6, "comment": "so so"},
        {"score": 0.0, "comment": " "},
        {"score": 0.0, "comment": "bad", "output": None},
        {"score": None, "comment": "hm"},
    ],
)
def test_what_says_neither_good_nor_what_was_bad_makes_no_example(task, said):
    FeedbackFactory(task=task, **said)
    assert prepared(task, is_judged=True) == []


def test_only_a_judge_reads_calls_that_nobody_judged(project):
    task = TaskFactory(project=project, scored=True)
    FeedbackFactory.create_batch(3, task=task, **OPEN)
    assert prepared(task) == []
    rows = prepared(task, is_judged=True)
    assert [(row.kind, row.outputs, row.rated_score) for row in rows] == [("call", {}, None)] * 3
    assert not Feedback.objects.exclude(consumed_by=None).exists()


def test_what_a_person_says_of_a_call_later_reaches_its_example(project, editor_actor):
    task = TaskFactory(project=project, scored=True)
    row = FeedbackFactory(task=task, **OPEN)
    before = prepared(task, is_judged=True)[0]
    assert list(feedback_to_review(task)) == [row]
    assert feedback_judge(actor=editor_actor, row=row, is_good=True)
    assert not feedback_judge(actor=editor_actor, row=row, is_good=False)
    after = prepared(task)[0]
    assert (after.pk, after.split) == (before.pk, before.split)
    assert (after.kind, after.outputs, after.rated_score) == ("good", {"label": "billing"}, 1.0)
    assert not feedback_to_review(task).exists()


def test_an_unjudged_call_counts_for_no_job_until_somebody_judges_it(
    project, system_actor, editor_actor, asked_for
):
    task = TaskFactory(project=project, slug="calls", threshold=2)
    said = ({"origin": "random"}, {"thumb": True}, {"origin": "user", "comment": "x"})
    items = [
        FeedbackItem(
            task="calls", inputs={"text": f"hello {n}"}, output="x", event_id=str(n), **more
        )
        for n, more in enumerate(said[:2])
    ]
    feedback_log_batch(actor=system_actor, items=items)
    counter = TaskCounter.objects.get(task=task)
    assert (counter.unconsumed, counter.total) == (1, 2)
    row = feedback_to_review(task).get()
    feedback_judge(actor=editor_actor, row=row, is_good=False, comment="no")
    assert TaskCounter.objects.get(task=task).unconsumed == 2


def test_a_judged_call_that_fills_the_threshold_asks_for_a_job(
    project, editor_actor, asked_for, django_capture_on_commit_callbacks
):
    task = TaskFactory(project=project, scored=True, threshold=1)
    row = FeedbackFactory(task=task, **OPEN)
    with django_capture_on_commit_callbacks(execute=True):
        feedback_judge(actor=editor_actor, row=row, is_good=True)
    assert asked_for == [task.pk]


def test_one_conversation_and_one_user_stay_in_one_split(task):
    for number in range(40):
        FeedbackFactory(
            task=task,
            inputs={"text": f"about thing {number}"},
            metadata={"user_id": number // 4} if number % 2 else {"conversation_id": number // 4},
        )
    by_link: dict[str, set[str]] = {}
    for row in prepared(task):
        by_link.setdefault(row.links[0], set()).add(row.split)
    assert len(by_link) == 20
    assert all(len(splits) == 1 for splits in by_link.values())


def test_near_duplicates_share_group_and_split_and_a_row_that_ties_two_is_left_out(task):
    text = "where is the parcel that I ordered last week for my mother"
    train = ExampleFactory(task=task, inputs={"text": text}, split="train", group="one")
    other = ExampleFactory(task=task, inputs={"text": "a refund"}, links=["u"], group="two")
    near = FeedbackFactory(task=task, inputs={"text": f"{text}?!"})
    rows = prepared(task)
    assert Example.objects.get(feedback=near).group == train.group
    assert Example.objects.get(feedback=near).split == "train"
    tie = ExampleFactory(
        task=task, inputs={"text": f"{text} please"}, links=["u"], split="", group="x"
    )
    rows = prepared(task)
    assert {row.pk for row in rows} & {train.pk, other.pk, tie.pk} == {train.pk, other.pk}
    tie.refresh_from_db()
    assert tie.split == ""


def test_a_hold_out_row_that_train_nearly_holds_is_left_out_of_the_job(task):
    text = "please send me the invoice of my order from last month"
    ExampleFactory(task=task, inputs={"text": text}, split="train")
    leaky = ExampleFactory(task=task, inputs={"text": f"{text} again"}, split="test")
    assert leaky.pk not in {row.pk for row in prepared(task)}


def test_rows_of_a_dataset_wait_until_it_is_whole_and_decide_as_declared(task):
    dataset = DatasetFactory(task=task, representative=True)
    ExampleFactory(task=task, dataset=dataset, origin="import", is_deciding=False)
    assert prepared(task) == []
    dataset.frozen_at = dataset.created_at
    dataset.save()
    assert [row.is_deciding for row in prepared(task)] == [True]
    dataset.is_representative = False
    dataset.save()
    assert [row.is_deciding for row in prepared(task, dataset=dataset)] == [False]
    assert prepared(task, dataset=DatasetFactory(task=task)) == []
