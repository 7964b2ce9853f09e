"""Prompts as files, out and in: stable to the byte, and drift fails a check."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from kaizen_engine.prompts.prompt_yml import read_prompt_file
from projects_app.commands import CheckFailed, UsageError
from projects_app.models import Project, User
from prompts_app.models import PromptVersion, Tag
from tasks_app.models import Task


def run(name: str, *arguments: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the result."""
    out, code = io.StringIO(), 0
    chosen = {"project": "support", "task": "triage", "json": True} | options
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=io.StringIO(), **chosen)
    except CheckFailed as error:
        code = error.returncode
    return code, json.loads(out.getvalue() or "{}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "triage.prompt.yml"


def test_the_live_version_is_written_and_is_no_drift(live: PromptVersion, file: Path) -> None:
    code, found = run("export_prompt", file)
    assert (code, found["number"]) == (0, 1)
    assert read_prompt_file(file.read_bytes()).artifact.hash == live.hash
    assert run("export_prompt", file, check=True) == (0, found | no_drift())


def no_drift() -> dict[str, Any]:
    return {"drift": False, "diff": "", "added": [], "removed": []}


def test_without_a_file_the_prompt_goes_to_stdout(live: PromptVersion) -> None:
    out = io.StringIO()
    call_command("export_prompt", project="support", task="triage", stdout=out)
    assert read_prompt_file(out.getvalue().encode()).artifact.hash == live.hash


def test_a_version_may_be_named(proven: PromptVersion, file: Path) -> None:
    code, found = run("export_prompt", file, number=proven.number)
    assert (code, found["hash"]) == (0, proven.hash)


def test_a_second_export_keeps_what_the_file_says_beside_the_prompt(
    live: PromptVersion, file: Path
) -> None:
    run("export_prompt", file)
    with file.open("ab") as written:
        written.write(b"owner: support\n")
    before = file.read_bytes()
    assert run("export_prompt", file)[0] == 0
    assert file.read_bytes() == before


def test_drift_exits_with_1_and_shows_the_lines_and_nothing_is_written(
    live: PromptVersion, file: Path
) -> None:
    run("export_prompt", file)
    edited = file.read_bytes().replace(b"Label", b"Tag")
    file.write_bytes(edited)
    code, found = run("export_prompt", file, check=True)
    assert code == 1
    assert found["drift"]
    assert "Tag the text" in found["diff"]
    assert file.read_bytes() == edited


def test_drift_names_the_inputs_that_came_and_went(live: PromptVersion, file: Path) -> None:
    run("export_prompt", file)
    text = (
        file.read_text().replace("{{text}}", "{{message}}").replace("name: text", "name: message")
    )
    file.write_text(text)
    _, found = run("export_prompt", file, check=True)
    assert (found["added"], found["removed"]) == (["text"], ["message"])


def test_a_file_that_is_missing_or_broken_is_drift(live: PromptVersion, file: Path) -> None:
    assert run("export_prompt", file, check=True)[0] == 1
    file.write_text("messages: 7\n")
    assert run("export_prompt", file, check=True)[0] == 1


def test_an_edited_file_becomes_a_version_and_nothing_goes_live(
    live: PromptVersion, file: Path, editor: User
) -> None:
    run("export_prompt", file)
    file.write_text(file.read_text().replace("Label", "Tag"))
    assert run("import_prompt", file, check=True)[0] == 1
    assert PromptVersion.objects.count() == 1
    code, found = run("import_prompt", file, user="editor", reason="Wording.")
    made = PromptVersion.objects.get(number=2)
    assert (code, found["created"], found["hash"]) == (0, True, made.hash)
    assert (made.author, made.change_reason) == (editor, "Wording.")
    assert list(made.parents.all()) == [live]
    assert Tag.objects.get().version == live
    assert run("import_prompt", file, check=True)[0] == 0


def test_the_same_file_twice_makes_one_version(
    live: PromptVersion, file: Path, editor: User
) -> None:
    run("export_prompt", file)
    code, found = run("import_prompt", file, user="editor")
    assert (code, found["created"], found["number"]) == (0, False, 1)
    assert PromptVersion.objects.count() == 1


@pytest.mark.parametrize("command", ["export_prompt", "import_prompt"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "unknown"}, "no task 'unknown'"),
        ({"project": "elsewhere"}, "no task 'triage'"),
        ({"project": "unknown"}, "no project unknown"),
    ],
)
def test_an_unknown_name_exits_with_2(
    live: PromptVersion,
    other_project: Project,
    file: Path,
    command: str,
    options: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        run(command, file, **options)
    assert raised.value.returncode == 2


def test_a_version_that_is_not_there_exits_with_2(live: PromptVersion, file: Path) -> None:
    with pytest.raises(UsageError, match="no version 9"):
        run("export_prompt", file, number=9)


def test_nothing_live_exits_with_2(task: Task, file: Path) -> None:
    with pytest.raises(UsageError, match="nothing is live"):
        run("export_prompt", file)


def test_a_check_without_a_file_exits_with_2(live: PromptVersion) -> None:
    with pytest.raises(UsageError, match="needs a file"):
        run("export_prompt", check=True)


def test_a_folder_that_is_not_there_exits_with_2(live: PromptVersion, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        run("export_prompt", tmp_path / "none" / "a.prompt.yml")


@pytest.mark.parametrize("content", [None, b"messages: 7\n", b"\xff\xfe"])
def test_a_file_that_is_no_prompt_exits_with_2(
    live: PromptVersion, file: Path, content: bytes | None
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="triage.prompt.yml"):
        run("import_prompt", file)
    assert PromptVersion.objects.count() == 1


def test_a_text_that_nobody_wrote_is_not_imported(live: PromptVersion, file: Path) -> None:
    run("export_prompt", file)
    with pytest.raises(UsageError, match="needs an author"):
        run("import_prompt", file)


def test_a_viewer_may_not_import(live: PromptVersion, file: Path, viewer: User) -> None:
    run("export_prompt", file)
    with pytest.raises(UsageError, match="may not do this"):
        run("import_prompt", file, user="viewer")
