from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from optimization_app.selectors import job_by_public_id
from optimization_app.services.bundle import run_export
from projects_app.commands import ProjectCommand, UsageError
from projects_app.exceptions import Conflict
from projects_app.models import Project


class Command(ProjectCommand):
    help = (
        "Write a finished job to one file: rows and splits, seeds, models, prices, libraries, "
        "every candidate with its scores, and each answer. The same job gives the same bytes. "
        "`replay --bundle` runs it again anywhere. The file holds hold-out rows."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("job", metavar="JOB", help="the job's id")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .zip")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        job = job_by_public_id(project, options["job"])
        try:
            bundle = run_export(actor=self.actor(project, options), job=job)
            options["out"].write_bytes(bundle.content)
        except Conflict as error:
            raise UsageError(str(error)) from error
        except OSError as error:
            raise UsageError(f"{options['out']}: {error.strerror}") from error
        shown = {"job": str(job.public_id), "file": str(options["out"]), "sha256": bundle.sha256}
        text = f"{options['out']}: {len(bundle.content)} bytes, SHA-256 {bundle.sha256}"
        self.show(shown | {"bytes": len(bundle.content)}, text, options)
