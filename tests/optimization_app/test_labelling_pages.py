"""The labelling pages: who sees what, what is hidden until a label is saved, what a key does."""

import re

import pytest
from django.urls import reverse

from optimization_app.models import HumanLabel, JudgeVerdict, LabelItem
from optimization_app.passports import judge_of
from projects_app.models import AuditEntry
from tasks_app.models import Task
from tests.factories.feedback import FeedbackFactory
from tests.factories.labels import HumanLabelFactory, JudgeVerdictFactory, LabelItemFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(task):
    return LabelItemFactory(task=task)


def place(task, name="task", item=None):
    names = {"project": task.project.slug, "task": task.slug}
    return reverse(f"labelling:{name}", kwargs=names | ({"item": item.public_id} if item else {}))


def test_a_visitor_is_asked_to_sign_in(client, task):
    answer = client.get(place(task))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_an_outsider_is_told_that_nothing_is_here(client, outsider, task, item):
    client.force_login(outsider)
    tasks = reverse("labelling:tasks", kwargs={"project": task.project.slug})
    assert client.get(tasks).status_code == client.get(place(task)).status_code == 404
    for address in (place(task, "label", item), place(task, "undo", item), place(task, "draw")):
        assert client.post(address, {"label": "good"}).status_code == 404
    assert not HumanLabel.objects.exists()


def test_a_viewer_sees_the_progress_and_no_question(client, viewer, task, item):
    HumanLabelFactory(item=LabelItemFactory(task=task))
    client.force_login(viewer)
    page = client.get(place(task)).content.decode()
    assert "1 of 60 random labels" in page
    assert "label-form" not in page
    assert str(item.public_id) not in page


def test_a_viewer_is_refused_every_write(client, viewer, task, item):
    client.force_login(viewer)
    for address in (place(task, "label", item), place(task, "undo", item), place(task, "draw")):
        assert client.post(address, {"label": "good"}).status_code == 403
    assert not HumanLabel.objects.exists()
    assert LabelItem.objects.count() == 1


def test_an_editor_labels_without_script_and_is_asked_the_next(client, editor, task, item):
    following = LabelItemFactory(task=task, inputs={"text": "the following one"})
    client.force_login(editor)
    assert str(item.public_id) in client.get(place(task)).content.decode()
    answer = client.post(place(task, "label", item), {"label": "good", "note": "n"}, follow=True)
    assert answer.redirect_chain == [(place(task), 302)]
    page = answer.content.decode()
    assert "You said: <strong>good</strong>" in page
    assert str(following.public_id) in page
    assert "1 of 60 random labels" in page
    assert HumanLabel.objects.get().note == "n"


def test_with_script_the_answer_is_the_next_question_alone(client, editor, task, item):
    client.force_login(editor)
    answer = client.post(
        place(task, "label", item), {"label": "bad"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<html" not in page
    assert 'hx-swap-oob="innerHTML"' in page
    assert "Nothing waits for a label" in page


def test_an_undo_asks_again(client, editor, task, item):
    client.force_login(editor)
    client.post(place(task, "label", item), {"label": "bad"})
    page = client.post(place(task, "undo", item), follow=True).content.decode()
    assert "label-form" in page
    assert "You said" not in page


def test_a_second_label_of_the_same_person_is_refused_in_words(client, editor, task, item):
    client.force_login(editor)
    client.post(place(task, "label", item), {"label": "bad"})
    page = client.post(place(task, "label", item), {"label": "good"}, follow=True).content.decode()
    assert "labelled this one already" in page
    assert HumanLabel.objects.get().word == "bad"


def test_a_label_without_a_choice_is_refused_in_words(client, editor, task, item):
    client.force_login(editor)
    page = client.post(place(task, "label", item), {}, follow=True).content.decode()
    assert "must be one of good, bad, skip" in page


@pytest.mark.parametrize("name", ["label", "undo", "draw"])
def test_a_get_changes_nothing(client, editor, task, item, name):
    client.force_login(editor)
    address = place(task, name, None if name == "draw" else item)
    assert client.get(address).status_code == 405


@pytest.mark.parametrize("public_id", ["nonsense", "01890000-0000-7000-8000-000000000000"])
def test_an_unknown_item_or_one_of_another_prompt_is_not_here(
    client, editor, task, item, public_id
):
    client.force_login(editor)
    address = place(task, "label", item).replace(str(item.public_id), public_id)
    assert client.post(address, {"label": "good"}).status_code == 404
    foreign = LabelItemFactory()
    assert client.post(place(task, "label", foreign), {"label": "good"}).status_code == 404


def test_hostile_text_stays_text(client, editor, task):
    LabelItemFactory(task=task, answer={"<b>x</b>": "<script>alert(1)</script>"})
    client.force_login(editor)
    page = client.get(place(task)).content.decode()
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page


def judged(task, item, said="bad"):
    """Give the task a judge that has spoken of the item, in words that cannot be overlooked."""
    spec = {"kind": "rubric", "rubric": "Names the desk.", "model": "models/judge"}
    Task.objects.filter(pk=task.pk).update(evaluator=spec)
    judge = judge_of(spec)
    JudgeVerdictFactory(
        item=item,
        judge_hash=judge.hash,
        word=said,
        score=0.123,
        reasons={"rubric": "xylophone"},
        picks=["second"],
    )


@pytest.mark.parametrize("pair", [False, True])
def test_the_judges_word_is_in_the_page_only_after_the_label_is_saved(client, editor, task, pair):
    item = LabelItemFactory(task=task, pair=pair)
    judged(task, item)
    client.force_login(editor)
    before = client.get(place(task)).content.decode()
    assert str(item.public_id) in before
    for hidden in ("xylophone", "0.123", "judge says", "The judge said"):
        assert hidden not in before
    said = {"label": "first" if pair else "good"}
    header = {"HX-Request": "true"}
    after = client.post(place(task, "label", item), said, headers=header).content.decode()
    assert "xylophone" in after
    assert "The judge says" in after


@pytest.mark.parametrize("pair", [False, True])
def test_the_page_is_the_same_whatever_the_judge_thinks(client, editor, task, pair):
    """Down to the byte, but for the token of the form."""
    item = LabelItemFactory(task=task, pair=pair)
    judged(task, item, "good")
    client.force_login(editor)
    pages = []
    for word, score in (("good", 1.0), ("bad", 0.0)):
        JudgeVerdict.objects.update(word=word, score=score, reasons={"rubric": word})
        page = client.get(place(task)).content.decode()
        pages.append(re.sub(r'value="[A-Za-z0-9]{64}"', "", page))
    assert pages[0] == pages[1]


def test_the_judge_is_asked_by_a_button_that_only_editors_have(client, editor, viewer, task, item):
    judged(task, item)
    client.force_login(viewer)
    assert "Ask the judge" not in client.get(place(task)).content.decode()
    assert client.post(place(task, "ask")).status_code == 403
    client.force_login(editor)
    page = client.post(place(task, "ask"), follow=True).content.decode()
    assert "The judge is asked" in page
    assert AuditEntry.objects.filter(action="kaizen.judge.asked").count() == 1


def test_without_a_judge_there_is_nobody_to_ask(client, editor, task):
    client.force_login(editor)
    page = client.post(place(task, "ask"), follow=True).content.decode()
    assert "no judge scores this prompt" in page


def test_drawing_asks_about_random_calls_first_and_each_once(client, editor, task):
    call = FeedbackFactory(task=task, score=None, origin="random")
    FeedbackFactory(task=task, score=None, origin="user")
    FeedbackFactory(task=task, score=1.0, origin="random")
    client.force_login(editor)
    page = client.post(place(task, "draw"), follow=True).content.decode()
    assert "drawn for labelling: 1." in page
    item = LabelItem.objects.get()
    assert (item.feedback, item.is_random, item.answer) == (call, True, call.output)
    again = client.post(place(task, "draw"), follow=True).content.decode()
    assert "no answer that has not been asked" in again


def test_the_pages_take_a_bounded_number_of_queries(
    client, editor, task, django_assert_max_num_queries
):
    for _ in range(15):
        HumanLabelFactory(item=LabelItemFactory(task=task), person=editor)
    LabelItemFactory.create_batch(5, task=task)
    client.force_login(editor)
    with django_assert_max_num_queries(20):
        client.get(place(task))
