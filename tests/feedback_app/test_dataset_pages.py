"""The pages of datasets: who may what, the preview, the report, the declaration."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from feedback_app.models import Dataset
from tests.factories.feedback import DatasetFactory, ExampleFactory

pytestmark = pytest.mark.django_db
ROWS = b"question,label\nwhere is it,shipping\nshort\n"
PLACE = "/p/support/datasets/"


def form(**more):
    said = {"task": "triage", "name": "from a file", "input_fields": "question=text"}
    return {**said, "file": SimpleUploadedFile("rows.csv", ROWS), **more}


@pytest.fixture
def dataset(task):
    report = {"stored": 2, "failed": 2, "problems": [[3, "=HYPERLINK()"], [9, "<b>no</b>"]]}
    dataset = DatasetFactory(task=task, frozen=True, report=report)
    ExampleFactory(task=task, dataset=dataset, split="test", inputs={"text": "secret words"})
    ExampleFactory(task=task, dataset=dataset, split="dev", is_seen=True)
    return dataset


def test_an_editor_uploads_a_file_and_sees_its_report(client, editor, task):
    client.force_login(editor)
    answer = client.post(f"{PLACE}upload/", form(), follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain
    assert "1 rows stored, 1 refused" in page
    assert "Line 3: has 1 cells, the header has 2" in page
    assert "waits for a job" in page
    assert "from a file" in client.get(PLACE).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_fields": "nothing=text"}, "the file has no column &#x27;nothing&#x27;"),
        ({"name": ""}, "may not be blank"),
        ({"task": "unknown"}, "unknown"),
        ({"file": ""}, "file"),
        ({"file": SimpleUploadedFile("a.csv", b"\x00\x01\x02\x00\x00\x03")}, "not text"),
    ],
)
def test_a_form_that_cannot_be_stored_says_why_and_keeps_what_was_written(
    client, editor, task, changes, words
):
    client.force_login(editor)
    answer = client.post(f"{PLACE}upload/", form(**changes))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert words in page
    assert 'role="alert"' in page
    assert not Dataset.objects.exists()


def test_a_viewer_reads_and_writes_nothing(client, viewer, task, dataset):
    client.force_login(viewer)
    assert "Upload a file" not in client.get(PLACE).content.decode()
    assert client.get(f"{PLACE}{dataset.public_id}/").status_code == 200
    for place in ("upload/", "preview/", f"{dataset.public_id}/declare/"):
        assert client.post(PLACE + place, form()).status_code == 403
    assert Dataset.objects.count() == 1


def test_an_outsider_is_told_that_nothing_is_here(client, outsider, dataset):
    client.force_login(outsider)
    own = f"{dataset.public_id}/"
    assert client.get(PLACE).status_code == 404
    assert client.get(PLACE + own).status_code == 404
    assert client.get(f"/p/elsewhere/datasets/{own}").status_code == 404
    assert client.get(f"/p/elsewhere/datasets/{own}errors.csv").status_code == 404
    assert client.post(f"/p/elsewhere/datasets/{own}declare/").status_code == 404


def test_a_preview_guesses_the_columns_and_hides_hold_out_rows(client, editor, task):
    client.force_login(editor)
    head = b"question,label,split\nhidden words,x,test\n<b>shown</b>,y,dev\ncut off"
    file = SimpleUploadedFile("rows.csv", head)
    page = client.post(f"{PLACE}preview/", {"task": "triage", "head": file}).content.decode()
    assert 'value="question=text"' in page
    assert 'value="label=label"' in page
    assert "&lt;b&gt;shown&lt;/b&gt;" in page
    assert "hidden words" not in page
    broken = SimpleUploadedFile("rows.xlsx", head)
    page = client.post(f"{PLACE}preview/", {"task": "triage", "head": broken}).content.decode()
    assert "must end in" in page


def test_a_dataset_says_how_its_rows_were_used_and_shows_none_of_the_hold_out(
    client, viewer, dataset
):
    client.force_login(viewer)
    page = client.get(f"{PLACE}{dataset.public_id}/").content.decode()
    assert "seen by a search or a person" in page
    assert "seen by nobody" in page
    assert "secret words" not in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


def test_the_refused_lines_download_without_formulas(client, viewer, dataset):
    client.force_login(viewer)
    answer = client.get(f"{PLACE}{dataset.public_id}/errors.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert answer.content.decode().splitlines() == [
        "line,message",
        "3,'=HYPERLINK()",
        "9,<b>no</b>",
    ]


def test_an_editor_declares_what_decides_and_takes_it_back(client, editor, dataset):
    client.force_login(editor)
    for word, says in (("yes", True), ("no", False)):
        client.post(f"{PLACE}{dataset.public_id}/declare/", {"is_representative": word})
        dataset.refresh_from_db()
        assert dataset.is_representative is says


def test_the_list_takes_a_bounded_number_of_queries(
    client, viewer, task, django_assert_max_num_queries
):
    DatasetFactory.create_batch(12, task=task, frozen=True)
    client.force_login(viewer)
    with django_assert_max_num_queries(12):
        client.get(PLACE)
