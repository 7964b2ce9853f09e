from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.selectors import job_by_public_id
from optimization_app.services.analyse import Analysis, job_analyse
from projects_app.commands import CheckFailed, ProjectCommand
from projects_app.models import Project


class Command(ProjectCommand):
    help = (
        "Work out what a finished job shows about its task: topics that fail, with a diagnosis, "
        "examples that are missing, and the changelog of its draft. Workers do this by themselves "
        "after each job; a second time changes nothing. Exits with 1 while the job still runs."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("job", metavar="JOB", help="the job's id")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        job = job_by_public_id(project, options["job"])
        if job.state in LIVE_JOB_STATES:
            raise CheckFailed(f"the job is {job.state}; insights come once it has ended")
        found = job_analyse(job)
        self.show({"job": str(job.public_id), **asdict(found)}, _as_text(found), options)
        for reason in found.silence:
            self.say(f"the analyst was not heard: {reason}")


def _as_text(found: Analysis) -> str:
    written = "written" if found.changelog else "not written"
    return (
        f"{found.topics} topics, {found.diagnosed} diagnosed, "
        f"{found.suggested} examples suggested, changelog {written}"
    )
