"""Labels: who gives them, once, blindly, and what they say about the answer."""

import pytest

from feedback_app.models import Feedback, TaskCounter
from kaizen_engine.states import LabelKind, LabelWord
from optimization_app.labelling import (
    is_turned,
    last_label,
    meaning,
    next_item,
    progress_of,
    shown_answers,
    truths_of,
)
from optimization_app.models import HumanLabel
from optimization_app.services.labels import label_give, label_withdraw
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import ApiKey, AuditEntry
from tests.factories.labels import HumanLabelFactory, JudgeVerdictFactory, LabelItemFactory
from tests.factories.projects import ApiKeyFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(task):
    return LabelItemFactory(task=task)


def turned(task, *, want: bool):
    """Return a pair that is shown in the wanted order."""
    pairs = (LabelItemFactory(task=task, pair=True) for _ in range(100))
    return next(pair for pair in pairs if is_turned(pair) is want)


def test_a_label_is_stored_once_with_its_note_and_an_audit_entry(item, editor, editor_actor):
    label = label_give(actor=editor_actor, item=item, word="good", note=" clear ")
    assert (label.person, label.word, label.note, label.is_blind) == (editor, "good", "clear", True)
    entry = AuditEntry.objects.get(action="kaizen.label.given")
    assert (entry.actor, entry.object_id) == ("user:editor", str(item.public_id))
    assert entry.data == {"word": "good", "is_blind": True}


def test_the_same_person_labels_an_item_once(item, editor_actor, approver_actor):
    label_give(actor=editor_actor, item=item, word="good")
    with pytest.raises(Conflict) as refusal:
        label_give(actor=editor_actor, item=item, word="bad")
    assert refusal.value.code == "labelled"
    label_give(actor=approver_actor, item=item, word="bad")
    assert sorted(HumanLabel.objects.values_list("word", flat=True)) == ["bad", "good"]


def test_only_a_signed_in_member_with_a_role_labels(item, project, viewer_actor, outsider_actor):
    key: ApiKey = ApiKeyFactory(project=project)
    for actor in (viewer_actor, Actor.key(key), Actor.system(project.pk)):
        with pytest.raises(NotAllowed):
            label_give(actor=actor, item=item, word="good")
    with pytest.raises(NotHere):
        label_give(actor=outsider_actor, item=item, word="good")
    assert not HumanLabel.objects.exists()


@pytest.mark.parametrize("word", ["first", "tie", "GOOD", "", "perfect"])
def test_a_word_that_the_question_does_not_have_is_refused(item, editor_actor, word):
    with pytest.raises(InvalidInput) as refusal:
        label_give(actor=editor_actor, item=item, word=word)
    assert "good, bad, skip" in refusal.value.errors["label"]


def test_a_label_taken_back_is_asked_again_and_stays_blind_where_no_judge_spoke(
    item, task, editor, editor_actor
):
    label_give(actor=editor_actor, item=item, word="good")
    assert next_item(task, editor) is None
    label_withdraw(actor=editor_actor, item=item)
    assert next_item(task, editor) == item
    label_give(actor=editor_actor, item=item, word="bad")
    assert truths_of(task) == {item.pk: LabelWord.BAD}


def test_a_label_given_again_after_the_judge_was_shown_does_not_count(
    item, task, editor, editor_actor
):
    JudgeVerdictFactory(item=item)
    label_give(actor=editor_actor, item=item, word="good")
    assert truths_of(task) == {item.pk: LabelWord.GOOD}
    label_withdraw(actor=editor_actor, item=item)
    label = label_give(actor=editor_actor, item=item, word="bad")
    assert not label.is_blind
    assert truths_of(task) == {}
    assert last_label(task, editor) == label


def test_there_is_nothing_to_take_back_from_somebody_else(item, editor_actor, approver_actor):
    label_give(actor=editor_actor, item=item, word="good")
    with pytest.raises(Conflict):
        label_withdraw(actor=approver_actor, item=item)


def test_a_skipped_item_goes_to_somebody_else_and_counts_for_nothing(
    item, task, editor, approver, editor_actor
):
    label_give(actor=editor_actor, item=item, word="skip")
    assert next_item(task, editor) is None
    assert next_item(task, approver) == item
    assert truths_of(task) == {}


def test_people_who_disagree_say_nothing_and_a_majority_does(item, task):
    HumanLabelFactory(item=item, word="good")
    HumanLabelFactory(item=item, word="bad")
    assert truths_of(task) == {}
    HumanLabelFactory(item=item, word="bad")
    assert truths_of(task) == {item.pk: LabelWord.BAD}


def test_only_random_items_count_for_a_passport(task):
    HumanLabelFactory(item=LabelItemFactory(task=task, is_random=False))
    HumanLabelFactory(item=LabelItemFactory(task=task))
    LabelItemFactory(task=task)
    found = progress_of(task)
    assert (found.random, found.labelled, found.waiting, found.needed) == (1, 2, 1, 60)


def test_random_calls_of_the_traffic_are_asked_first(task, editor):
    LabelItemFactory(task=task)
    call = LabelItemFactory(task=task, call=True)
    LabelItemFactory(task=task)
    assert next_item(task, editor) == call


def test_a_pair_is_shown_in_an_order_of_its_own_and_read_back_by_it(task):
    straight, other = turned(task, want=False), turned(task, want=True)
    assert shown_answers(straight) == [straight.answer, straight.reference]
    assert shown_answers(other) == [other.reference, other.answer]
    assert meaning(straight, "first") is meaning(other, "second") is LabelWord.GOOD
    assert meaning(straight, "second") is meaning(other, "first") is LabelWord.BAD
    assert meaning(straight, "tie") is LabelWord.TIE


def test_about_half_of_all_pairs_are_turned(task):
    pairs = LabelItemFactory.create_batch(200, task=task, pair=True)
    assert 70 < sum(map(is_turned, pairs)) < 130


def test_a_random_call_is_judged_by_its_label_and_counts_for_the_next_job(task, editor_actor):
    item = LabelItemFactory(task=task, call=True)
    label_give(actor=editor_actor, item=item, word="bad", note="names the wrong desk")
    row = Feedback.objects.get(pk=item.feedback_id)
    assert (row.thumb, row.comment) == (False, "names the wrong desk")
    assert TaskCounter.objects.get(task=task).unconsumed == 1


def test_a_label_taken_back_leaves_the_call_unjudged_unless_another_stands(
    task, editor_actor, approver_actor
):
    item = LabelItemFactory(task=task, call=True)
    label_give(actor=editor_actor, item=item, word="good")
    label_give(actor=approver_actor, item=item, word="good")
    label_withdraw(actor=editor_actor, item=item)
    assert Feedback.objects.get(pk=item.feedback_id).thumb is True
    label_withdraw(actor=approver_actor, item=item)
    assert Feedback.objects.get(pk=item.feedback_id).thumb is None


def test_only_the_kind_that_the_judge_is_asked_for_counts(task):
    HumanLabelFactory(item=LabelItemFactory(task=task))
    HumanLabelFactory(item=LabelItemFactory(task=task, pair=True), word="tie")
    assert list(truths_of(task, LabelKind.PAIR).values()) == [LabelWord.TIE]
    assert list(truths_of(task).values()) == [LabelWord.GOOD]
