import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.optimize.outcome import EvaluationEvent
from kaizen_engine.optimize.strategy import TrialEvent
from optimization_app.models import Job
from optimization_app.recorder import PROGRESS
from optimization_app.selectors import job_by_public_id
from optimization_app.services.replay import Replay, job_replay
from projects_app.commands import CheckFailed, ProgressLine, ProjectCommand
from projects_app.models import Project


class Command(ProjectCommand):
    help = (
        "Run a finished job again from its journal, with a provider that refuses every call. "
        "Exits with 0 when winner and scores are the same to the byte, with 1 and what differs "
        "otherwise. Nothing is written. Needs what a worker needs."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("job", metavar="JOB", help="the job's id")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        job = job_by_public_id(project, options["job"])
        line = self.progress(options)
        replay = _quietly(job, line)
        line.clear()
        self.show(_as_json(job, replay), _as_text(replay), options)
        for hint in replay.hints:
            self.say(hint)
        if not replay.is_equal:
            for difference in replay.differences:
                self.say(f"differs: {difference}")
            raise CheckFailed(f"the replay differs in {len(replay.differences)} point(s)")


class _Events:
    """Shows how far the replay is."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line

    def phase(self, name: str) -> None:
        self._line.update(PROGRESS.get(name, 0) / 100, name)

    def trial(self, event: TrialEvent) -> None:
        self._line.update(PROGRESS["search"] / 100, f"trial {event.number}")

    def evaluation(self, event: EvaluationEvent) -> None: ...


def _quietly(job: Job, line: ProgressLine) -> Replay:
    """Keep what optimizers print away from the result."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return job_replay(job, _Events(line))


def _as_json(job: Job, replay: Replay) -> dict[str, Any]:
    return {"job": str(job.public_id), "equal": replay.is_equal, **asdict(replay)}


def _as_text(replay: Replay) -> str:
    verdict = "equal" if replay.is_equal else "different"
    winner = replay.winner[:12] or "none"
    return (
        f"{verdict}: winner {winner}, {replay.rows} scores, {replay.trials} trials, "
        f"{replay.answers} answers from the journal, {replay.asked} calls refused"
    )
