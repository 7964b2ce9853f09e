from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from feedback_app.column_mapping import TARGETS, ColumnMapping
from feedback_app.file_rows import RowFile, open_rows
from feedback_app.services.imports import (
    ImportReport,
    Problem,
    feedback_import,
    imports_declare_representative,
)
from kaizen_engine.states import Origin
from projects_app.commands import CheckFailed, ProgressLine, ProjectCommand, UsageError
from projects_app.models import Project
from tasks_app.models import Task
from tasks_app.selectors import task_get

FIELDS = ", ".join(TARGETS)


class Command(ProjectCommand):
    help = (
        "Store feedback from a CSV or JSONL file. The same row is stored once, however often the "
        "command is run. Exits with 1 when a row was refused; the others are stored."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help=".csv, .tsv, .jsonl or .ndjson")
        parser.add_argument("--task", required=True, metavar="SLUG")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help=f"may be given often; without it columns are named like fields: {FIELDS}",
        )
        parser.add_argument(
            "--origin",
            choices=[origin.value for origin in Origin],
            default=Origin.IMPORT.value,
            help="where the rows come from (default: import)",
        )
        parser.add_argument(
            "--representative",
            action="store_true",
            help="declare the task's imported rows a random sample: they may then decide verdicts",
        )

    def run(self, project: Project, options: dict[str, Any]) -> None:
        task = task_get(project, options["task"])
        if options["representative"] and options["origin"] != Origin.IMPORT:
            raise UsageError("--representative speaks of rows with --origin import")
        with open_rows(options["file"]) as file:
            report = self._store(task, file, options)
        self.show(_as_json(report), _as_text(report), options)
        if report.failed:
            raise CheckFailed(f"{report.failed} row(s) were refused")

    def _store(self, task: Task, file: RowFile, options: dict[str, Any]) -> ImportReport:
        mapping = ColumnMapping.parse(options["map"], file.columns)
        actor = self.actor(task.project, options)
        line = self.progress(options)
        if options["representative"]:
            imports_declare_representative(actor=actor, task=task)
        report = feedback_import(
            actor=actor,
            task=task,
            file=file,
            mapping=mapping,
            origin=Origin(options["origin"]),
            on_problem=lambda problem: self._complain(line, problem),
            on_batch=lambda report: line.update(file.share_read, _as_text(report)),
        )
        line.clear()
        return report

    def _complain(self, line: ProgressLine, problem: Problem) -> None:
        line.clear()
        self.say(f"line {problem.line}: {problem.message}")


def _as_text(report: ImportReport) -> str:
    return f"{report.stored} stored, {report.known} known before, {report.failed} refused"


def _as_json(report: ImportReport) -> dict[str, Any]:
    problems = [{"line": one.line, "message": one.message} for one in report.problems]
    return {
        "stored": report.stored,
        "known": report.known,
        "failed": report.failed,
        "problems": problems,
    }
