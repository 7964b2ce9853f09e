"""A file becomes a dataset in three steps, each of which can be gone back from."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from feedback_app.models import Dataset, Example, FileImport
from feedback_app.services.file_imports import import_save, place_of
from projects_app.exceptions import Conflict
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db
ROWS = b"question,label,note\nwhere is it,shipping,a\nwhere is it,shipping,b\nshort\n"
PLACE = "/p/support/datasets/"


@pytest.fixture(autouse=True)
def _data_dir(tmp_path, settings):
    settings.CONFIG = replace(settings.CONFIG, data_dir=tmp_path)


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def upload(client, content=ROWS, file_name="rows.csv", **more):
    file = SimpleUploadedFile(file_name, content)
    form = {"task": "triage", "name": "from a file", "file": file, **more}
    return client.post(f"{PLACE}upload/", form, follow=True)


def choose(client, *targets, follow=True, **more):
    place = f"{PLACE}imports/{FileImport.objects.get().public_id}/"
    form = {f"column-{number}": target for number, target in enumerate(targets)}
    return client.post(place, {**form, **more}, follow=follow)


def send(client, what):
    return client.post(f"{PLACE}imports/{FileImport.objects.get().public_id}/{what}/", follow=True)


def test_the_columns_are_guessed_from_their_names_and_twenty_rows_shown(client, editor, task):
    client.force_login(editor)
    page = text(upload(client))
    assert '<option value="inputs.text" selected>input: text</option>' in page
    assert '<option value="outputs.label" selected>expected: label</option>' in page
    assert "has 1 cells, the header has 3" in page
    assert not Dataset.objects.exists()


def test_the_report_comes_before_anything_is_stored(client, editor, task):
    client.force_login(editor)
    upload(client)
    page = text(choose(client, "inputs.text", "outputs.label", "metadata", split="dev"))
    assert "2 rows are good, 1 would be left out. Nothing is stored yet." in page
    assert "Line 4: has 1 cells, the header has 3" in page
    assert "1 row repeats the inputs" in page
    assert "Save 2 rows, leave out 1" in page
    assert not Dataset.objects.exists()
    place = f"{PLACE}imports/{FileImport.objects.get().public_id}/"
    lines = b"".join(client.get(f"{place}left-out.csv")).decode("utf-8-sig").splitlines()
    assert lines == ["line,message", '4,"has 1 cells, the header has 3"']
    assert 'value="dev" selected' in text(client.get(place))


def test_saved_it_is_a_dataset_and_the_file_is_gone(client, editor, task):
    client.force_login(editor)
    upload(client)
    choose(client, "inputs.text", "outputs.label", "metadata", is_representative="on")
    kept = place_of(FileImport.objects.get())
    assert kept.exists()
    page = text(send(client, "save"))
    assert "2 rows stored, 1 left out." in page
    dataset = Dataset.objects.get()
    assert dataset.is_representative
    assert [row.metadata for row in dataset.examples.order_by("id")] == [
        {"note": "a"},
        {"note": "b"},
    ]
    assert not kept.exists()
    again = send(client, "save")
    assert again.redirect_chain[-1][0] == f"{PLACE}{dataset.public_id}/"
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (("", "outputs.label", ""), "no column was named for the input &#x27;text&#x27;"),
        (("inputs.text", "inputs.text", ""), "two columns are to fill &#x27;text&#x27;"),
        (("inputs.text", "", "outputs.other"), "0 rows are good, 3 would be left out"),
    ],
)
def test_columns_that_cannot_be_are_named_and_the_rest_of_the_choice_kept(
    client, editor, task, targets, words
):
    client.force_login(editor)
    upload(client)
    page = text(choose(client, *targets, split="train"))
    assert words in page
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "give the dataset a name of its own"),
        ({"task": "unknown"}, "there is no task"),
        ({"file": ""}, "Choose a file."),
        ({"file": SimpleUploadedFile("a.csv", b"\x00\x01\x02\x00\x00\x03")}, "not text"),
        ({"file": SimpleUploadedFile("a.xlsx", b"PK")}, "must end in"),
        ({"file": SimpleUploadedFile("a.json", b'{"a": 1}')}, "no list of rows"),
        ({"file": SimpleUploadedFile("a.jsonl", b"nonsense")}, "can be read as a row"),
        ({"file": SimpleUploadedFile("a.yaml", b"a: &x 1")}, "anchors"),
    ],
)
def test_a_file_that_no_dataset_can_come_of_is_refused_at_once(
    client, editor, task, tmp_path, changes, words
):
    client.force_login(editor)
    answer = upload(client, **changes)
    assert answer.status_code == 400
    assert words in text(answer)
    assert 'role="alert"' in text(answer)
    assert not FileImport.objects.exists()
    assert not list(tmp_path.glob("imports/*"))


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("t.yaml", b"tests:\n- vars: {text: a}\n  assert: [{type: equals, value: x}]", "promptfoo"),
        ("t.csv", b"text,__expected\na,x\n", "promptfoo"),
        ("t.json", b'[{"input": {"text": "a"}, "expectedOutput": {"label": "x"}}]', "Langfuse"),
        ("t.jsonl", b'{"inputs": {"text": "a"}, "outputs": {"label": "x"}}', "LangSmith"),
        ("t.jsonl", b'{"input": "a", "ideal": "x"}', "OpenAI evals"),
        ("t.jsonl", b'{"item": {"text": "a", "label": "x"}}', "OpenAI evals"),
        (
            "t.jsonl",
            b'{"messages": [{"role": "user", "content": "a"},'
            b'{"role": "assistant", "content": "x"}]}',
            "chat messages",
        ),
    ],
)
def test_files_of_other_tools_are_named_and_need_no_mapping(
    client, editor, task, name, content, format
):
    client.force_login(editor)
    page = text(upload(client, content, name))
    assert f"These are rows of <strong>{format}</strong>" in page
    fields = dict(re.findall(r'name="(column-\d+)">.*?<option value="([^"]*)" selected', page))
    targets = [fields.get(f"column-{number}", "") for number in range(len(fields) + 1)]
    choose(client, *targets)
    send(client, "save")
    row = Example.objects.get()
    assert (row.inputs, row.outputs) == ({"text": "a"}, {"label": "x"})


def test_rows_that_say_they_are_hold_out_are_not_shown(client, editor, task):
    client.force_login(editor)
    head = b"question,label,split\nhidden words,x,test\n<b>shown</b>,y,dev\n"
    page = text(upload(client, head))
    assert "hidden words" not in page
    assert "&lt;b&gt;shown&lt;/b&gt;" in page
    assert "1 of them say that they are hold-out" in page


def test_a_dropped_file_leaves_nothing(client, editor, task, tmp_path):
    client.force_login(editor)
    upload(client)
    assert "nothing of it was stored" in text(send(client, "drop"))
    assert not FileImport.objects.exists()
    assert not list(tmp_path.glob("imports/*"))


def test_a_file_that_is_gone_is_asked_for_again(client, editor, task):
    client.force_login(editor)
    upload(client)
    place_of(FileImport.objects.get()).unlink()
    page = text(client.get(f"{PLACE}imports/{FileImport.objects.get().public_id}/", follow=True))
    assert "choose it again" in page


def test_what_nobody_saved_goes_after_a_day(client, editor, task, tmp_path):
    client.force_login(editor)
    upload(client)
    FileImport.objects.update(created_at=timezone.now() - timedelta(days=2))
    upload(client, file_name="other.csv")
    assert FileImport.objects.get().file_name == "other.csv"
    assert len(list(tmp_path.glob("imports/*"))) == 1


def test_nothing_is_saved_unchecked(client, editor, editor_actor, task):
    client.force_login(editor)
    upload(client)
    with pytest.raises(Conflict) as refused:
        import_save(actor=editor_actor, found=FileImport.objects.get())
    assert refused.value.code == "not_checked"


def test_a_prompt_without_fields_takes_the_columns_as_they_are(client, editor, project):
    TaskFactory(project=project, slug="triage", input_schema={}, output_schema={})
    client.force_login(editor)
    upload(client, b"Question,Answer\nhi,there\n")
    choose(client, "inputs.Question", "outputs.output")
    send(client, "save")
    row = Example.objects.get()
    assert (row.inputs, row.outputs) == ({"Question": "hi"}, {"output": "there"})


def test_others_neither_see_nor_touch_an_import(client, editor, viewer, outsider, task):
    client.force_login(editor)
    upload(client)
    place = f"imports/{FileImport.objects.get().public_id}/"
    client.force_login(viewer)
    assert client.get(PLACE + place).status_code == 403
    assert client.post(f"{PLACE}{place}save/").status_code == 403
    assert client.post(f"{PLACE}upload/", {"file": io.BytesIO(ROWS)}).status_code == 403
    client.force_login(outsider)
    for what in ("", "report/", "left-out.csv"):
        assert client.get(f"/p/elsewhere/datasets/{place}{what}").status_code == 404
    for what in ("save/", "drop/"):
        assert client.post(f"/p/elsewhere/datasets/{place}{what}").status_code == 404
    assert not Dataset.objects.exists()
