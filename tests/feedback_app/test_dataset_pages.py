"""The pages of datasets: who may what, the preview, the report, the declaration."""

import pytest

from feedback_app.models import Dataset
from tests.factories.feedback import DatasetFactory, ExampleFactory

pytestmark = pytest.mark.django_db
PLACE = "/p/support/datasets/"


@pytest.fixture
def dataset(task):
    report = {"stored": 2, "failed": 2, "problems": [[3, "=HYPERLINK()"], [9, "<b>no</b>"]]}
    dataset = DatasetFactory(task=task, frozen=True, report=report)
    ExampleFactory(task=task, dataset=dataset, split="test", inputs={"text": "secret words"})
    ExampleFactory(task=task, dataset=dataset, split="dev", is_seen=True)
    return dataset


def test_a_viewer_reads_and_writes_nothing(client, viewer, task, dataset):
    client.force_login(viewer)
    assert "Import a file" not in client.get(PLACE).content.decode()
    assert client.get(f"{PLACE}{dataset.public_id}/").status_code == 200
    for place in ("upload/", f"{dataset.public_id}/declare/", f"{dataset.public_id}/compare/"):
        assert client.post(PLACE + place).status_code == 403
    assert Dataset.objects.count() == 1


def test_an_outsider_is_told_that_nothing_is_here(client, outsider, dataset):
    client.force_login(outsider)
    own = f"{dataset.public_id}/"
    assert client.get(PLACE).status_code == 404
    assert client.get(PLACE + own).status_code == 404
    assert client.get(f"/p/elsewhere/datasets/{own}").status_code == 404
    for name in ("errors.csv", "rows.csv", "rows.jsonl"):
        assert client.get(f"/p/elsewhere/datasets/{own}{name}").status_code == 404
    assert client.post(f"/p/elsewhere/datasets/{own}declare/").status_code == 404


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
    assert b"".join(answer).decode("utf-8-sig").splitlines() == [
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


def test_its_rows_are_filtered_and_exported_without_the_hold_out(client, viewer, task, dataset):
    ExampleFactory(
        task=task,
        dataset=dataset,
        split="train",
        inputs={"text": "=a parcel"},
        metadata={"topic": "late"},
    )
    client.force_login(viewer)
    place = f"{PLACE}{dataset.public_id}/"
    page = client.get(f"{place}?split=train&text=PARCEL").content.decode()
    assert "=a parcel" in page
    assert "message" not in page[page.index("rows-heading") : page.index("report-heading")]
    assert "1 rows of the hold-out are not shown" in page
    lines = b"".join(client.get(f"{place}rows.csv?split=train")).decode("utf-8-sig").splitlines()
    assert lines[0] == "inputs.text,expected.label,split,metadata"
    assert lines[1] == '\'=a parcel,billing,train,"{""topic"": ""late""}"'
    rows = b"".join(client.get(f"{place}rows.jsonl")).decode().splitlines()
    assert len(rows) == 2
    assert "secret words" not in "".join(rows)


def test_what_repeats_and_what_leaks_is_told(client, editor, task):
    dataset = DatasetFactory(task=task, frozen=True)
    words = "one two three four five six seven eight nine"
    for number in range(2):
        inputs = {"text": f"{words} {number}"}
        ExampleFactory(task=task, dataset=dataset, split="train", inputs=inputs, group="g")
    ExampleFactory(task=task, dataset=dataset, split="dev", inputs={"text": f"Well, {words}"})
    client.force_login(editor)
    place = f"{PLACE}{dataset.public_id}/"
    page = client.get(place).content.decode()
    assert "1 rows repeat another" in page
    assert "Not compared yet" in page
    page = client.post(f"{place}compare/", follow=True).content.decode()
    assert "1 of 1 dev rows share eight words in a row with train." in page
    assert "one two three four five six seven eight" in page


def test_the_list_takes_a_bounded_number_of_queries(
    client, viewer, task, django_assert_max_num_queries
):
    DatasetFactory.create_batch(12, task=task, frozen=True)
    client.force_login(viewer)
    with django_assert_max_num_queries(12):
        client.get(PLACE)
