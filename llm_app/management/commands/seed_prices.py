from typing import Any

from django.core.management.base import CommandParser

from llm_app.selectors import connection_get
from llm_app.services.prices import Seeding, prices_seed
from projects_app.commands import CheckFailed, ProjectCommand
from projects_app.models import Project


class Command(ProjectCommand):
    help = (
        "Enter the prices that a vendor publishes, from the table that the worker's libraries "
        "ship. Prices that were entered by hand stay, unless --replace is given. Exits with 1 "
        "when a named model has no published price."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", required=True, metavar="SLUG")
        parser.add_argument(
            "--model",
            action="append",
            default=[],
            metavar="NAME",
            help="may be given often; without it, every model of the vendor",
        )
        parser.add_argument("--replace", action="store_true", help="also what was typed by hand")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        done = prices_seed(
            actor=self.actor(project, options),
            connection=connection_get(project, options["connection"]),
            models=options["model"],
            replace=options["replace"],
        )
        self.show(_as_json(done), _as_text(done), options)
        if done.unknown:
            raise CheckFailed(f"no published price: {', '.join(done.unknown)}")


def _as_json(done: Seeding) -> dict[str, Any]:
    return {
        "source": done.source,
        "written": list(done.written),
        "same": list(done.same),
        "kept": list(done.kept),
        "unknown": list(done.unknown),
    }


def _as_text(done: Seeding) -> str:
    return (
        f"{len(done.written)} written, {len(done.same)} unchanged, "
        f"{len(done.kept)} kept as entered by hand ({done.source})"
    )
