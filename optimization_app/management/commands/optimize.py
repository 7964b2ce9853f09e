from typing import Any

from django.core.management.base import CommandParser

from kaizen_engine.optimize.strategy import STRATEGIES
from kaizen_engine.states import Verdict
from optimization_app.job_commands import job_facts, job_follow, pointing_to_yes
from optimization_app.models import Job
from optimization_app.selectors import job_sentence
from optimization_app.services.start import job_start
from projects_app.commands import CheckFailed, ProjectCommand
from projects_app.models import Project
from tasks_app.selectors import task_get

BETTER = frozenset({Verdict.CONFIRMED.value, Verdict.LIKELY.value})
SETTINGS = {
    "optimizer": "optimizer_type",
    "trials": "num_trials",
    "demos": "num_fewshot_examples",
    "budget_usd": "budget_usd",
    "minutes": "minutes",
}


class Command(ProjectCommand):
    help = (
        "Start the optimization of a task, or join the one that runs. With --wait, follow it to "
        "its end and exit with 0 for the verdicts confirmed and likely, with 1 for all others."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--task", required=True, metavar="SLUG")
        parser.add_argument("--optimizer", choices=sorted(STRATEGIES))
        parser.add_argument("--trials", type=int, metavar="N")
        parser.add_argument("--demos", type=int, metavar="N", help="most demonstrations")
        parser.add_argument("--budget-usd", metavar="AMOUNT", help="most that it may spend")
        parser.add_argument("--minutes", type=int, metavar="N", help="most that it may take")
        parser.add_argument("--yes", action="store_true", help="start it, whatever it may cost")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        task = task_get(project, options["task"])
        config = {SETTINGS[name]: options[name] for name in SETTINGS if options[name] is not None}
        actor = self.actor(project, options)
        with pointing_to_yes():
            job, created = job_start(
                actor=actor, task=task, trigger="command", config=config, confirm=options["yes"]
            )
        if not created:
            self.say(f"{task.slug} has a live job already; its settings are its own")
        if not options["wait"]:
            shown = job_facts(job) | {"created": created}
            self.show(shown, f"{job.public_id} {job.state}", options)
            return
        job = job_follow(project, job, self.progress(options))
        self.show(job_facts(job) | {"created": created}, _as_text(job), options)
        if job.verdict not in BETTER:
            raise CheckFailed(job_sentence(job))


def _as_text(job: Job) -> str:
    evidence = job.result.get("evidence") or {}
    version = f"version {job.result_version.number}" if job.result_version else "no new version"
    parts = [
        f"{job.public_id} {job.state}: {job_sentence(job)}",
        f"{version}, {job.calls} calls, {job.spent_usd:.4f} USD",
        *_scores("dev", evidence.get("dev")),
        *_scores("hold-out", evidence.get("holdout")),
    ]
    return "\n".join(parts)


def _scores(name: str, found: dict[str, Any] | None) -> list[str]:
    if not found or not found.get("before") or not found.get("after"):
        return []
    before, after = found["before"], found["after"]
    line = f"{name}: {before['mean']:.3f} -> {after['mean']:.3f} on {after['n']} rows"
    if "low" not in found:
        return [line]
    return [f"{line}, gain {found['gain']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"]
