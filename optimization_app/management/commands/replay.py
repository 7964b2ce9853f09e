import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.data.bundle import LARGEST_BUNDLE
from kaizen_engine.optimize.outcome import EvaluationEvent
from kaizen_engine.optimize.strategy import TrialEvent
from optimization_app.recorder import PROGRESS
from optimization_app.selectors import job_by_public_id
from optimization_app.services.bundle import recording_from
from optimization_app.services.recording import Recording, recording_of
from optimization_app.services.replay import Replay, recording_replay
from projects_app.commands import CheckFailed, ProgressLine, ProjectCommand, UsageError
from projects_app.exceptions import Conflict
from projects_app.models import Project


class Command(ProjectCommand):
    help = (
        "Run a finished job again from its journal, with a provider that refuses every call: one "
        "of a project, or one that export_run wrote to a file, whose job need not be here. "
        "Exits with 0 when winner and scores are the same to the byte, with 1 and what differs "
        "otherwise. Nothing is written. Needs what a worker needs."
    )
    needs_project = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("job", metavar="JOB", nargs="?", help="the job's id, with --project")
        parser.add_argument("--bundle", type=Path, metavar="FILE", help="a file of export_run")
        text = "refuse any other bundle than the one export_run named so"
        parser.add_argument("--sha256", default="", metavar="HASH", help=text)

    def run(self, project: Project, options: dict[str, Any]) -> None:
        if not options["job"] or options["bundle"]:
            raise UsageError("name a JOB with its --project, or a --bundle without one")
        job = job_by_public_id(project, options["job"])
        try:
            recording = recording_of(job)
        except Conflict as error:
            raise UsageError(str(error)) from error
        self._replay(recording, {}, options)

    def run_anywhere(self, options: dict[str, Any]) -> None:
        path = options["bundle"]
        if options["job"] or path is None:
            raise UsageError("name a JOB with its --project, or a --bundle without one")
        recording, sha256 = recording_from(_content(path), sha256=options["sha256"])
        self._replay(recording, {"bundle": sha256}, options)

    def _replay(self, recording: Recording, about: dict[str, Any], options: dict[str, Any]) -> None:
        line = self.progress(options)
        replay = _quietly(recording, line)
        line.clear()
        shown = {"job": recording.job, **about, "equal": replay.is_equal, **asdict(replay)}
        self.show(shown, _as_text(replay), options)
        for hint in replay.hints:
            self.say(hint)
        if not replay.is_equal:
            for difference in replay.differences:
                self.say(f"differs: {difference}")
            raise CheckFailed(f"the replay differs in {len(replay.differences)} point(s)")


def _content(path: Path) -> bytes:
    """Read no more than shows that the file is too large."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BUNDLE + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


class _Events:
    """Shows how far the replay is."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line

    def phase(self, name: str) -> None:
        self._line.update(PROGRESS.get(name, 0) / 100, name)

    def trial(self, event: TrialEvent) -> None:
        self._line.update(PROGRESS["search"] / 100, f"trial {event.number}")

    def evaluation(self, event: EvaluationEvent) -> None: ...


def _quietly(recording: Recording, line: ProgressLine) -> Replay:
    """Keep what optimizers print away from the result."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return recording_replay(recording, _Events(line))


def _as_text(replay: Replay) -> str:
    verdict = "equal" if replay.is_equal else "different"
    winner = replay.winner[:12] or "none"
    return (
        f"{verdict}: winner {winner}, {replay.rows} scores, {replay.trials} trials, "
        f"{replay.answers} answers from the journal, {replay.asked} calls refused"
    )
