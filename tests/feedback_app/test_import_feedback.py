"""The command that reads files: what it stores, what it refuses, and that twice is once."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from feedback_app.models import Dataset, Feedback
from projects_app.commands import CheckFailed, UsageError
from tests.factories.tasks import TaskFactory, object_schema
from tests.installation import ROOT

GOOD = "text,code\nwhere is my parcel,K2\nrefund please,K1\n"
MAP = ("text=inputs.text", "code=corrected_output")


@pytest.fixture
def run(task, tmp_path):
    """Return a caller of the command on a file of that content; answers what it printed."""

    def call(content: bytes | str, *maps: str, name: str = "rows.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        out, err = io.StringIO(), io.StringIO()
        chosen = {"project": "support", "task": "triage", "json": True} | options
        try:
            call_command(
                "import_feedback", str(path), map=list(maps), stdout=out, stderr=err, **chosen
            )
        except CheckFailed as error:
            return json.loads(out.getvalue()) | {"code": error.returncode, "err": err.getvalue()}
        return json.loads(out.getvalue()) | {"code": 0, "err": err.getvalue()}

    return call


def counts(result):
    return result["stored"], result["known"], result["failed"], result["code"]


def test_a_csv_is_stored_by_its_columns(run) -> None:
    assert counts(run(GOOD, *MAP)) == (2, 0, 0, 0)
    first = Feedback.objects.get(inputs__text="where is my parcel")
    assert (first.inputs, first.corrected_output) == (
        {"text": "where is my parcel"},
        {"label": "K2"},
    )
    assert (first.origin, first.output) == ("import", None)


def test_a_second_run_stores_nothing(run) -> None:
    run(GOOD, *MAP)
    assert counts(run(GOOD, *MAP)) == (0, 2, 0, 0)


def test_a_longer_export_stores_only_what_is_new(run) -> None:
    run(GOOD, *MAP)
    longer = GOOD.replace("text,code\n", "text,code\nnew first row,K3\n")
    assert counts(run(longer, *MAP)) == (1, 2, 0, 0)


def test_equal_rows_of_one_file_are_each_an_event(run) -> None:
    assert counts(run(GOOD + "refund please,K1\n", *MAP)) == (3, 0, 0, 0)


def test_the_same_rows_with_another_meaning_are_refused_and_not_doubled(run) -> None:
    run(GOOD, *MAP)
    result = run(GOOD, "text=inputs.text", "code=output")
    assert counts(result) == (0, 0, 2, 1)
    assert "event_id_conflict" in result["err"]


def test_bad_rows_are_named_by_line_and_the_good_ones_kept(run) -> None:
    content = 'text,score\ngood,1\n\n"two\nlines",0.5\nbad,many\nshort\nhigh,7\nlast,0\n'
    result = run(content, "text=inputs.text", "score=score")
    assert counts(result) == (3, 0, 3, 1)
    assert [one["line"] for one in result["problems"]] == [6, 7, 8]
    assert "line 6: score: 'many' is no number" in result["err"]
    assert "score: Expected `float` <= 1.0" in result["err"]


def test_what_the_task_refuses_is_named_by_line(run) -> None:
    result = run("text,x\na,b\n", "text=inputs.text", "x=inputs.unknown")
    assert counts(result) == (0, 0, 1, 1)
    assert result["problems"][0]["line"] == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_line_ends_and_delimiters_of_any_spreadsheet_are_read(
    run, encoding, end, delimiter
) -> None:
    content = GOOD.replace("parcel", "Päckchen 📦").replace("\n", end).replace(",", delimiter)
    assert counts(run(content.encode(encoding), *MAP)) == (2, 0, 0, 0)
    assert Feedback.objects.filter(inputs__text="where is my Päckchen 📦").exists()


def test_a_row_that_is_no_utf8_is_refused_alone(run) -> None:
    content = b"text,code\ncaf\xe9,K1\nfine,K2\n"
    result = run(content, *MAP)
    assert counts(result) == (1, 0, 1, 1)
    assert result["problems"] == [{"line": 2, "message": "not UTF-8"}]


def test_a_quote_that_is_never_closed_is_reported_with_its_line(run) -> None:
    result = run(GOOD + '"open,K1\nafter,K2\n', *MAP)
    assert counts(result) == (2, 0, 1, 1)
    assert result["problems"][0]["line"] == 4


def test_json_lines_are_stored_and_each_bad_one_is_named(run) -> None:
    lines = [
        json.dumps({"q": {"text": "hello"}, "fix": "K1", "ok": True}),
        "{not json",
        "[1]",
        "",
        json.dumps({"q": {"text": "again"}, "fix": "K2", "ok": False}),
    ]
    result = run("\n".join(lines), "q.text=inputs.text", "fix=output", "ok=thumb", name="a.jsonl")
    assert counts(result) == (2, 0, 2, 1)
    assert [one["line"] for one in result["problems"]] == [2, 3]


def test_json_lines_in_the_shape_of_the_api_need_no_mapping(run) -> None:
    line = {"inputs": {"text": "hi"}, "output": "K1", "score": 0.5, "event_id": "mine"}
    assert counts(run(json.dumps(line), name="a.ndjson")) == (1, 0, 0, 0)
    assert Feedback.objects.get().event_id == "mine"


def test_cells_take_the_type_the_task_declares(run, project) -> None:
    TaskFactory(
        project=project, slug="count", output_schema=object_schema(label={"type": "integer"})
    )
    result = run("text,code\na,7\nb,x\n", *MAP, task="count")
    assert counts(result) == (1, 0, 1, 1)
    assert Feedback.objects.get().corrected_output == {"label": 7}


def test_more_than_a_batch_is_stored(run) -> None:
    rows = "".join(f"message {number},K1\n" for number in range(1201))
    assert counts(run("text,code\n" + rows, *MAP)) == (1201, 0, 0, 0)


def test_representative_rows_are_declared_in_the_audited_way(run) -> None:
    run(GOOD, *MAP, representative=True)
    assert Dataset.objects.get(name="feedback import").is_representative
    run(GOOD, *MAP, representative=True)
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize(
    ("maps", "options", "words"),
    [
        (("text=nowhere",), {}, "is no column=field"),
        (("text",), {}, "is no column=field"),
        (("missing=score",), {}, "no column 'missing'"),
        (("text=score", "code=score"), {}, "mapped twice"),
        (MAP, {"task": "unknown"}, "no task 'unknown'"),
        (MAP, {"project": "unknown"}, "no project unknown"),
        (MAP, {"project": "elsewhere"}, "no task 'triage'"),
        (MAP, {"name": "rows.xlsx"}, "must end in"),
        (MAP, {"user": "outsider"}, "is no member"),
        (MAP, {"user": "viewer"}, "may not do this"),
        (MAP, {"origin": "user", "representative": True}, "--origin import"),
    ],
)
def test_a_wrong_call_stores_nothing_and_exits_with_2(
    run, other_project, outsider, viewer, maps, options, words
) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        run(GOOD, *maps, **options)
    assert raised.value.returncode == 2
    assert not Feedback.objects.exists()
    assert not Dataset.objects.exists()


def test_a_file_that_is_not_there_exits_with_2(task, tmp_path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        call_command("import_feedback", str(tmp_path / "a.csv"), project="support", task="triage")


def test_missing_arguments_exit_with_2_in_a_shell() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "import_feedback", "a.csv"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--project" in done.stderr
    assert done.stdout == ""


def test_progress_is_drawn_on_a_terminal_only(task, tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    path = tmp_path / "rows.csv"
    path.write_text(GOOD)
    drawn = []
    for stream in (Terminal(), io.StringIO()):
        call_command(
            "import_feedback",
            str(path),
            project="support",
            task="triage",
            map=list(MAP),
            stderr=stream,
            stdout=io.StringIO(),
            no_color=True,
        )
        drawn.append(stream.getvalue())
    assert drawn[0].startswith("\r[####")
    assert drawn[1] == ""
