import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from optimization_app.clusters import CLUSTERS, Workforce, serve_cluster
from optimization_app.strategies import strategy_warnings


class Command(BaseCommand):
    help = "Run the workers: every queue's cluster, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cluster", choices=CLUSTERS, help="be only this one cluster")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cluster"]:
            serve_cluster(options["cluster"])
            return
        for warning in strategy_warnings():
            self.stderr.write(self.style.WARNING(warning))
        workforce = Workforce()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: workforce.stop())
        self.stdout.write(f"Working on the queues {', '.join(CLUSTERS)}. Ctrl-C stops.")
        workforce.run()
