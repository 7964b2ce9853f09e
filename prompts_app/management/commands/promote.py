from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from kaizen_engine.states import GateBasis
from projects_app.actors import Actor
from projects_app.commands import ProjectCommand, UsageError
from projects_app.models import Project
from prompts_app.models import PromptVersion, Tag
from prompts_app.selectors import PRODUCTION, live_version
from prompts_app.services.tags import tag_rollback, version_promote
from tasks_app.selectors import task_get


class Command(ProjectCommand):
    help = (
        "Make a version of a prompt live, by the same checks and the same two-person rule as on "
        "the pages. --rollback puts back one that was live before, and is never gated. Exits with "
        "1 when a check refuses it."
    )
    acts_as_member = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int, help="the version's number")
        parser.add_argument("--task", required=True, metavar="SLUG")
        parser.add_argument("--reason", default="", help="why, for the audit trail")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--override", action="store_true", help="against its checks; needs --as")
        how.add_argument("--rollback", action="store_true", help="put back what was live before")
        parser.add_argument("--dry-run", action="store_true", help="try it, and change nothing")

    def run(self, project: Project, options: dict[str, Any]) -> None:
        version = _version(project, options)
        actor = self.actor(project, options)
        with transaction.atomic():
            tag = _move(actor, version, options)
            if options["dry_run"]:
                transaction.set_rollback(True)
        said = "would be" if options["dry_run"] else "is"
        result = {
            "task": version.task.slug,
            "number": version.number,
            "hash": version.hash,
            "tag": tag.name,
            "revision": tag.revision,
            "dry_run": options["dry_run"],
        }
        self.show(result, f"version {version.number} {said} live", options)


def _version(project: Project, options: dict[str, Any]) -> PromptVersion:
    task = task_get(project, options["task"])
    version = PromptVersion.objects.filter(task=task, number=options["number"]).first()
    if version is None:
        raise UsageError(f"{task.slug} has no version {options['number']}")
    version.task = task
    return version


def _move(actor: Actor, version: PromptVersion, options: dict[str, Any]) -> Tag:
    task, reason = version.task, options["reason"]
    if options["rollback"]:
        return tag_rollback(actor=actor, task=task, version=version, reason=reason)
    basis = _basis(version, options)
    return version_promote(actor=actor, task=task, version=version, basis=basis, reason=reason)


def _basis(version: PromptVersion, options: dict[str, Any]) -> GateBasis:
    if options["override"]:
        return GateBasis.OVERRIDE
    is_first = live_version(version.task, PRODUCTION) is None
    return GateBasis.IMPORT if is_first else GateBasis.EVIDENCE
