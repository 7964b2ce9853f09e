from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from optimization_app.run import run_claimed_job


class Command(BaseCommand):
    help = "Work on one claimed job. The worker starts this; it is of no use by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job_id", type=int)
        parser.add_argument("fence", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        run_claimed_job(options["job_id"], options["fence"])
