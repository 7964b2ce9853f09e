"""One style for every command that people and pipelines run.

Results go to stdout, messages to stderr. Exit codes: 0 all is well, 1 a check failed or a part of
the work, 2 the command was called wrongly. A command translates and calls services.
"""

import json
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kaizen_engine.errors import KaizenError
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import Project, User
from projects_app.selectors import project_by_slug

BAR = 30


class CheckFailed(CommandError):
    """The command did what it was asked, and the answer is no."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, returncode=1)


class UsageError(CommandError):
    """What was asked for cannot be meant: a name nobody knows, an argument that is none."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, returncode=2)


class ProjectCommand(BaseCommand):
    """A command within one project. Subclasses write `add_options` and `run`, or `run_anywhere`
    where `needs_project` is false and none is named."""

    acts_as_member: ClassVar[bool] = False
    needs_project: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        text = "the project"
        parser.add_argument("--project", required=self.needs_project, metavar="SLUG", help=text)
        parser.add_argument("--json", action="store_true", help="print the result as one JSON")
        if self.acts_as_member:
            text = "the member who acts; without it, the system does"
            parser.add_argument("--as", dest="user", metavar="USERNAME", help=text)
        self.add_options(parser)

    def add_options(self, parser: CommandParser) -> None: ...

    def run(self, project: Project, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def run_anywhere(self, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["project"] is None:
                self.run_anywhere(options)
            else:
                self.run(project_by_slug(options["project"]), options)
        except (NotHere, InvalidInput, NotAllowed) as error:
            raise UsageError(_in_words(error)) from error
        except KaizenError as error:
            raise CheckFailed(_in_words(error)) from error

    def actor(self, project: Project, options: dict[str, Any]) -> Actor:
        name = options.get("user")
        if not name:
            return Actor.system(project.pk)
        user = User.objects.filter(username=name).first()
        actor = Actor.member(user, project) if user else None
        if actor is None or actor.role is None:
            raise UsageError(f"{name} is no member of {project.slug}")
        return actor

    def show(self, result: dict[str, Any], text: str, options: dict[str, Any]) -> None:
        """Print the result, for a program or for a person."""
        shown = json.dumps(result, ensure_ascii=False, default=str) if options["json"] else text
        self.stdout.write(shown)

    def say(self, message: str) -> None:
        self.stderr.write(message, self.style.NOTICE)

    def progress(self, options: dict[str, Any]) -> "ProgressLine":
        return ProgressLine(self.stderr, is_shown=self.stderr.isatty() and not options["json"])


class ProgressLine:
    """One line that overwrites itself, on a terminal only."""

    def __init__(self, stream: Any, *, is_shown: bool) -> None:
        self._stream = stream
        self._is_shown = is_shown
        self._last = ""

    def update(self, share: float, text: str) -> None:
        """Draw a bar for a share from 0 to 1; nothing is written when nothing changed."""
        filled = round(min(max(share, 0.0), 1.0) * BAR)
        line = f"[{'#' * filled}{'.' * (BAR - filled)}] {text}"
        if self._is_shown and line != self._last:
            self._write("\r" + line.ljust(len(self._last)))
            self._last = line

    def clear(self) -> None:
        """Wipe the line, so that what follows begins at its start."""
        if self._last:
            self._write("\r" + " " * len(self._last) + "\r")
            self._last = ""

    def _write(self, text: str) -> None:
        self._stream.write(text, ending="")
        self._stream.flush()


def _in_words(error: KaizenError) -> str:
    fields = getattr(error, "errors", None) or {}
    text = str(error)
    named = [f"\n  {name}: {what}" for name, what in fields.items() if what not in text]
    return text + "".join(named)
