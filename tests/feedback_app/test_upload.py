"""Datasets from files: what is kept, what is refused by its line, and that all of it is bounded."""

import io
import json
import os
import subprocess
import sys

import pytest

from feedback_app.models import Dataset, Example
from feedback_app.services.uploads import Upload, dataset_upload
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import ExampleFactory
from tests.factories.tasks import TaskFactory, object_schema

pytestmark = pytest.mark.django_db
GOOD = "text,label\nwhere is my parcel,shipping\nrefund please,billing\n"


@pytest.fixture
def store(task, editor_actor):
    def call(content, name="rows.csv", task=task, actor=editor_actor, **said):
        raw = content.encode() if isinstance(content, str) else content
        upload = Upload(io.BytesIO(raw), name, len(raw), "first rows", **said)
        return dataset_upload(actor=actor, task=task, upload=upload)[0]

    return call


def report(dataset):
    return dataset.report["stored"], dataset.report["failed"]


def test_rows_are_stored_by_columns_named_like_the_fields_and_frozen(store):
    dataset = store(GOOD)
    rows = list(dataset.examples.order_by("pk"))
    assert [(row.inputs, row.outputs, row.kind, row.split) for row in rows] == [
        ({"text": "where is my parcel"}, {"label": "shipping"}, "label", ""),
        ({"text": "refund please"}, {"label": "billing"}, "label", ""),
    ]
    assert dataset.frozen_at
    assert len(dataset.content_hash) == 64
    assert report(dataset) == (2, 0)
    assert dataset.mapping == {
        "inputs": {"text": "text"},
        "outputs": {"label": "label"},
        "split": "",
    }
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert {"kaizen.dataset.created", "kaizen.dataset.frozen"} <= set(actions)


def test_any_headers_are_mapped_or_guessed(store):
    named = store("q,a,note\nhello,billing,x\n", inputs=("q=text",), outputs=("a=label",))
    assert named.examples.get().inputs == {"text": "hello"}
    guessed = store("Question,expected\nhello again,billing\n")
    assert guessed.mapping["inputs"] == {"Question": "text"}
    assert guessed.examples.get().outputs == {"label": "billing"}


def test_json_lines_reach_into_objects(store):
    line = json.dumps({"input": {"text": "hi"}, "output": {"label": "billing"}, "user_id": 7})
    dataset = store(f"{line}\n", "rows.jsonl")
    row = dataset.examples.get()
    assert (row.inputs, row.outputs) == ({"text": "hi"}, {"label": "billing"})
    assert len(row.links) == 1


def test_the_splits_of_a_file_are_kept_and_a_word_that_is_none_is_named(store):
    content = (
        "text,label,split\na one,x,train\nb two,x,Validation\nc three,x,hold-out\n"
        "d four,x,red team\ne five,x,\nf six,x,later\n"
    )
    dataset = store(content)
    splits = dataset.examples.order_by("pk").values_list("split", flat=True)
    assert list(splits) == ["train", "dev", "test", "red_team", ""]
    assert dataset.report["problems"] == [
        [7, "split: 'later' is none of train, dev, test, red_team"]
    ]


def test_one_split_may_be_named_for_all_rows(store):
    assert store(GOOD, split=Split.RED_TEAM).examples.filter(split="red_team").count() == 2


def test_what_is_in_one_split_never_comes_into_another(store, task):
    first = ExampleFactory(task=task, inputs={"text": "refund please"}, split="train")
    Example.objects.filter(pk=first.pk).update(group=store(GOOD).examples.last().group)
    dataset = store("text,label,split\nRefund  please,x,test\nfresh,x,test\nFRESH,x,dev\n")
    assert report(dataset) == (1, 2)
    assert [line for line, _ in dataset.report["problems"]] == [2, 4]
    assert "in train already" in dataset.report["problems"][0][1]


def test_bad_rows_are_named_by_line_and_the_good_ones_kept(store):
    content = 'text,label\ngood,x\n\n"two\nlines",x\nshort\nempty,\nlast,y\n'
    dataset = store(content)
    assert report(dataset) == (3, 2)
    assert [line for line, _ in dataset.report["problems"]] == [6, 7]


def test_an_unknown_label_is_named_by_line(project, store):
    labels = object_schema(label={"type": "string", "enum": ["billing"]})
    dataset = store(GOOD, task=TaskFactory(project=project, output_schema=labels))
    assert dataset.report["problems"][0][0] == 2
    assert "none of billing" in dataset.report["problems"][0][1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_spreadsheet_s_encoding_and_line_end_is_read(store, encoding, end):
    content = GOOD.replace("parcel", "Päckchen").replace("\n", end).encode(encoding)
    assert store(content).examples.first().inputs == {"text": "where is my Päckchen"}


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "rows.csv", "empty"),
        (b"\n\n", "rows.csv", "empty"),
        (b"text,label\n", "rows.csv", "no row"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", "rows.csv", "not text"),
        (bytes(range(256)) * 40, "rows.jsonl", "not text"),
        (GOOD.encode(), "rows.xlsx", "must end in"),
        (b"{}\n{}\n", "rows.jsonl", "no column was named"),
        (b'{"text": 1}\nnonsense\n', "rows.jsonl", "no row could be stored"),
        (b"a,b\n1,2\n", "rows.csv", "no column was named for the output"),
    ],
)
def test_what_is_no_dataset_is_refused_in_words_and_leaves_nothing(store, content, name, words):
    with pytest.raises(InvalidInput, match=words):
        store(content, name, outputs=("label",) if name == "rows.jsonl" else ())
    assert not Dataset.objects.exists()
    assert not Example.objects.exists()


def test_a_wrong_column_is_named_with_those_there_are(store):
    with pytest.raises(InvalidInput, match="no column 'question'; it has: text, label"):
        store(GOOD, inputs=("question=text",))


def test_rows_without_answers_are_kept_for_a_judge_where_that_is_said(store):
    row = store("text\nwhat now\n", outputs=("none",)).examples.get()
    assert (row.kind, row.outputs) == ("call", {})


def test_the_same_rows_again_are_the_same_dataset(task, editor_actor, store):
    first = store(GOOD)
    again = store(GOOD.replace("\n", "\r\n"))
    assert again.pk == first.pk
    assert Dataset.objects.count() == 1
    assert Example.objects.count() == 2


def test_who_may_not_stores_nothing(store, viewer_actor, outsider_actor):
    with pytest.raises(NotAllowed):
        store(GOOD, actor=viewer_actor)
    with pytest.raises(NotHere):
        store(GOOD, actor=outsider_actor)
    assert not Dataset.objects.exists()


def test_lines_of_a_megabyte_are_refused_one_by_one_and_the_rest_is_kept(store):
    long = json.dumps({"text": "x" * 1024 * 1024, "label": "billing"})
    endless = '{"text": "' + "y" * 9 * 1024 * 1024 + '"}'
    fine = json.dumps({"text": "short", "label": "billing"})
    dataset = store(f"{long}\n{endless}\n{fine}\n", "rows.jsonl")
    assert report(dataset) == (1, 2)
    assert [line for line, _ in dataset.report["problems"]] == [1, 2]
    assert "1048576" in dataset.report["problems"][0][1]
    assert "4 MiB" in dataset.report["problems"][1][1]


def test_words_shared_between_splits_are_in_the_report(store):
    words = "I want the money back for the order of last Monday"
    content = f"text,label,split\nHello {words},x,train\nGood day {words} now please,x,test\n"
    leakage = store(content).report["leakage"]
    assert leakage["leaking"] == {"test": 1}
    assert leakage["examples"] == []


MEASURE = """
import io, os, re, sys, tempfile
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DATABASE_URL"] = "sqlite:///" + sys.argv[1]
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from projects_app.actors import Actor
from tests.factories.tasks import TaskFactory
from feedback_app.services.uploads import Upload, dataset_upload
# `ru_maxrss` would begin with the peak of the process that started this one.
def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
task = TaskFactory()
path, megabytes = sys.argv[2], int(sys.argv[3])
with open(path, "w") as file:
    number = 0
    while file.tell() < megabytes * 2**20:
        number += 1
        file.write('{"text": "message %d %s", "label": "billing"}\\n' % (number, "word " * 60))
before = peak_mib()
with open(path, "rb") as file:
    upload = Upload(file, path, os.path.getsize(path), "much")
    dataset, _ = dataset_upload(actor=Actor.system(task.project_id), task=task, upload=upload)
after = peak_mib()
print(before, after, dataset.report["stored"], number)
"""


@pytest.mark.slow
def test_memory_holds_a_batch_and_not_the_file(tmp_path):
    """Ten megabytes here; `bench/upload.py` has a hundred."""
    arguments = [str(tmp_path / "db.sqlite3"), str(tmp_path / "rows.jsonl"), "10"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    before, after, stored, written = map(int, done.stdout.split()[-4:])
    assert stored == written
    assert after < 300
    assert after - before < 60
