from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.states import JobState, StopReason, Verdict
from optimization_app.evaluation_words import evaluation_facts, split_lines
from optimization_app.job_commands import job_facts, job_follow, pointing_to_yes
from optimization_app.models import Job
from optimization_app.selectors import job_sentence
from optimization_app.services.evaluate import evaluation_plan, evaluation_start
from optimization_app.services.evaluate_rows import PLACE, SPLITS
from projects_app.commands import CheckFailed, ProjectCommand, UsageError
from projects_app.models import Project
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from tasks_app.models import Task
from tasks_app.selectors import task_get

SETTINGS = {
    "dataset": "dataset_id",
    "model": "student",
    "budget_usd": "budget_usd",
    "minutes": "minutes",
}


class Command(ProjectCommand):
    help = (
        "Score a version of a prompt on rows, beside the live version unless it is that. Answers "
        "that were paid for before are not paid for again. With --wait, exits with 0 when every "
        "row was scored and the version is not worse, with 1 otherwise."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--task", required=True, metavar="SLUG")
        number = "this version; without it, the live one"
        parser.add_argument("--number", type=int, metavar="N", help=number)
        parser.add_argument("--split", choices=SPLITS, default="dev", help="which rows")
        parser.add_argument("--dataset", metavar="ID", help="the rows of this dataset alone")
        parser.add_argument(
            "--look",
            action="store_true",
            help="read the hold-out as well; this counts a look at its rows",
        )
        parser.add_argument("--alone", action="store_true", help="compare with nothing")
        parser.add_argument("--model", metavar="CONNECTION/MODEL", help="another model")
        parser.add_argument("--budget-usd", metavar="AMOUNT", help="most that it may spend")
        parser.add_argument("--minutes", type=int, metavar="N", help="most that it may take")
        parser.add_argument("--at-least", type=float, metavar="SHARE", help="or exit with 1")
        parser.add_argument("--yes", action="store_true", help="start it, whatever it may cost")
        parser.add_argument("--dry-run", action="store_true", help="print the estimate only")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        version = _version(task_get(project, options["task"]), options["number"])
        asked = {name: options[name] for name in ("split", "look", "alone")}
        config = {SETTINGS[name]: options[name] for name in SETTINGS if options[name] is not None}
        if options["dry_run"]:
            plan = evaluation_plan(version, **asked, config=config)
            estimate = plan.estimate.to_json() | {"look": plan.asked.has_look}
            self.show(estimate, _estimate_text(version, plan.baseline, estimate), options)
            return
        job, created = self._start(project, version, asked | {"config": config}, options)
        if not options["wait"]:
            self.show(_as_json(job) | {"created": created}, f"{job.public_id} {job.state}", options)
            return
        job = job_follow(project, job, self.progress(options))
        self.show(_as_json(job) | {"created": created}, _as_text(job), options)
        _check(job, options["at_least"])

    def _start(
        self,
        project: Project,
        version: PromptVersion,
        asked: dict[str, Any],
        options: dict[str, Any],
    ) -> tuple[Job, bool]:
        actor = self.actor(project, options)
        with pointing_to_yes():
            job, created = evaluation_start(
                actor=actor, version=version, trigger="command", **asked, confirm=options["yes"]
            )
        if options["look"]:
            self.say("this reads the hold-out and counts a look at its rows")
        if not created:
            self.say("the same evaluation is under way already")
        return job, created


def _version(task: Task, number: int | None) -> PromptVersion:
    if number is None:
        version = live_version(task)
        missing = f"{task.slug} has no live version; name one with --number"
    else:
        version = PromptVersion.objects.filter(task=task, number=number).first()
        missing = f"{task.slug} has no version {number}"
    if version is None:
        raise UsageError(missing)
    version.task = task
    return version


def _check(job: Job, at_least: float | None) -> None:
    is_whole = job.state == JobState.SUCCEEDED and job.stop_reason == StopReason.FINISHED
    if not is_whole or job.verdict == Verdict.WORSE:
        raise CheckFailed(job_sentence(job))
    scores = [line["after"]["mean"] for line in job.result[PLACE]["splits"].values()]
    if at_least is not None and min(scores) < at_least:
        raise CheckFailed(f"{min(scores):.3f} is below {at_least}")


def _as_json(job: Job) -> dict[str, Any]:
    own = {"estimate": job.estimate, "evaluation": job.result.get(PLACE)}
    return job_facts(job) | own


def _as_text(job: Job) -> str:
    parts = [
        f"{job.public_id} {job.state}: {job_sentence(job)}",
        *(
            f"{line.name}: {line.score} on {line.rows} rows"
            + (f", before {line.before}, {line.gain}" if line.gain else "")
            + (f" ({line.parts})" if line.parts else "")
            for line in split_lines(job)
        ),
        *(f"{name}: {figure}" for name, figure in evaluation_facts(job)),
        f"{job.calls} calls, {job.spent_usd:.4f} USD",
    ]
    return "\n".join(parts)


def _estimate_text(
    version: PromptVersion, baseline: PromptVersion | None, estimate: dict[str, Any]
) -> str:
    beside = f" beside version {baseline.number}" if baseline else ""
    rows = ", ".join(f"{count} {name}" for name, count in estimate["rows"].items() if count)
    calls, usd = estimate["calls"], estimate["usd"]
    parts = [
        f"version {version.number}{beside} on {rows or 'no'} rows",
        f"{_span(*calls)} calls, {_span(*usd)} USD; {estimate['cached']} answers are there already",
    ]
    if estimate["undealt"]:
        parts.append(f"{estimate['undealt']} rows get their split when it starts")
    if estimate["look"]:
        parts.append("it reads the hold-out, which counts a look at its rows")
    return "\n".join(parts)


def _span(low: Any, high: Any) -> str:
    return f"{low}" if str(low) == str(high) else f"{low} to {high}"
