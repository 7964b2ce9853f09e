from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from projects_app.commands import CheckFailed, ProjectCommand, UsageError
from projects_app.exceptions import NotHere
from projects_app.models import Project
from prompts_app.models import PromptVersion
from prompts_app.prompt_files import Drift, drift_from, file_of
from prompts_app.selectors import PRODUCTION, live_version
from tasks_app.models import Task
from tasks_app.selectors import task_get


class Command(ProjectCommand):
    help = (
        "Write a version of a prompt as a .prompt.yml file, the live one unless another is named. "
        "With --check nothing is written: exits with 1 when the file is not what would be written."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="without it, to stdout")
        parser.add_argument("--task", required=True, metavar="SLUG")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--number", type=int, metavar="N", help="this version")
        which.add_argument("--tag", metavar="NAME", help="what is live here (production)")
        parser.add_argument("--check", action="store_true", help="fail on drift, write nothing")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        version = _version(task_get(project, options["task"]), options)
        path = options["file"]
        if options["check"]:
            self._check(version, path, options)
        elif path is None:
            self._print(version, options)
        else:
            content = file_of(version, path.read_bytes() if path.is_file() else None)
            _write(path, content)
            shown = f"version {version.number} written to {path}"
            self.show(_as_json(version) | {"file": str(path)}, shown, options)

    def _print(self, version: PromptVersion, options: dict[str, Any]) -> None:
        text = file_of(version).decode()
        self.show(_as_json(version) | {"content": text}, text.removesuffix("\n"), options)

    def _check(self, version: PromptVersion, path: Path | None, options: dict[str, Any]) -> None:
        if path is None:
            raise UsageError("--check needs a file to look at")
        if not path.is_file():
            raise CheckFailed(f"{path} does not exist")
        drift = drift_from(version, path.read_bytes())
        result = _as_json(version) | {"file": str(path), "drift": bool(drift)}
        changes = {"diff": drift.diff, "added": drift.added, "removed": drift.removed}
        self.show(result | changes, drift.diff or f"{path} is version {version.number}", options)
        if drift:
            raise CheckFailed(f"{path} is not version {version.number}{_inputs(drift)}")


def _version(task: Task, options: dict[str, Any]) -> PromptVersion:
    number, tag = options["number"], options["tag"] or PRODUCTION
    if number is None:
        found = live_version(task, tag)
        message = f"nothing is live under {tag!r} for {task.slug}"
    else:
        found = PromptVersion.objects.filter(task=task, number=number).first()
        message = f"{task.slug} has no version {number}"
    if found is None:
        raise NotHere(message, code="unknown_version")
    return found


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _as_json(version: PromptVersion) -> dict[str, Any]:
    return {
        "task": version.task.slug,
        "version": str(version.public_id),
        "number": version.number,
        "hash": version.hash,
    }


def _inputs(drift: Drift) -> str:
    added = [f"+{name}" for name in drift.added]
    removed = [f"-{name}" for name in drift.removed]
    return f"; inputs: {' '.join(added + removed)}" if added or removed else ""
