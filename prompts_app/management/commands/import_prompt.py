from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.prompt_yml import read_prompt_file
from projects_app.commands import CheckFailed, ProjectCommand, UsageError
from projects_app.models import Project
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from prompts_app.services.versions import version_create
from tasks_app.models import Task
from tasks_app.selectors import task_get


class Command(ProjectCommand):
    help = (
        "Make a version of a .prompt.yml file; a text that is a version already makes none, and "
        "nothing goes live. With --check nothing is made: exits with 1 when the text is no "
        "version of the task yet."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--task", required=True, metavar="SLUG")
        parser.add_argument("--reason", default="", help="why, for the version's history")
        parser.add_argument("--check", action="store_true", help="fail on drift, make nothing")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        task = task_get(project, options["task"])
        artifact = _artifact(options["file"])
        if options["check"]:
            self._check(task, artifact, options)
            return
        if not options["user"]:
            # The two-person rule asks who wrote a text, and this one was written by a person.
            raise UsageError("a version needs an author: name a member with --as")
        live = live_version(task)
        version, created = version_create(
            actor=self.actor(project, options),
            task=task,
            artifact=artifact,
            parents=[live] if live and live.hash != artifact.hash else [],
            change_reason=options["reason"] or f"Imported from {options['file'].name}.",
        )
        word = "made" if created else "known as"
        self.show(
            _as_json(version) | {"created": created}, f"{word} version {version.number}", options
        )

    def _check(self, task: Task, artifact: PromptArtifact, options: dict[str, Any]) -> None:
        known = PromptVersion.objects.filter(task=task, hash=artifact.hash).first()
        if known is None:
            self.show(
                {"task": task.slug, "hash": artifact.hash, "known": False}, "unknown", options
            )
            raise CheckFailed(f"{options['file']} is no version of {task.slug}")
        self.show(_as_json(known) | {"known": True}, f"version {known.number}", options)


def _artifact(path: Path) -> PromptArtifact:
    try:
        return read_prompt_file(path.read_bytes()).artifact
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except InvalidPromptFile as error:
        raise UsageError(f"{path}: {error}") from error


def _as_json(version: PromptVersion) -> dict[str, Any]:
    return {
        "task": version.task.slug,
        "version": str(version.public_id),
        "number": version.number,
        "hash": version.hash,
    }
