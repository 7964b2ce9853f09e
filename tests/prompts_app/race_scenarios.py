"""Rivals at the same moment, each on a connection of its own. Runs inside an installation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from kaizen_engine.states import GateBasis
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import AuditEntry, Role
from prompts_app.models import GateResult, ProjectRevision, PromptVersion, Tag
from prompts_app.selectors import PROMOTION
from prompts_app.services.prompts import prompt_version_add
from prompts_app.services.review import version_approve
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create
from tests.factories.projects import MembershipFactory, ProjectFactory
from tests.factories.prompts import PromptVersionFactory, artifact_for
from tests.factories.tasks import TaskFactory


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what each call returned, or the code of the Conflict it raised, in order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except Conflict as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class Scene:
    """A task with version 1 live and two approvers."""

    def __init__(self) -> None:
        self.project = ProjectFactory()
        self.task = TaskFactory(project=self.project)
        self.approvers = [self._approver(), self._approver()]

    def _approver(self) -> Actor:
        member = MembershipFactory(project=self.project, role=Role.APPROVER.value)
        return Actor.member(member.user, self.project)

    def live(self) -> PromptVersion:
        version = PromptVersionFactory(task=self.task)
        self.promote(version, GateBasis.IMPORT)
        return version

    def promote(self, version: PromptVersion, basis: GateBasis, who: int = 0) -> str:
        version_promote(actor=self.approvers[who], task=self.task, version=version, basis=basis)
        return "moved"

    def approve(self, version: PromptVersion, who: int = 0) -> str:
        # Each rival has read the draft before either of them decides.
        version_approve(actor=self.approvers[who], version=version)
        return "approved"

    def outcome(self) -> dict[str, Any]:
        tag = Tag.objects.get(task=self.task)
        moves = GateResult.objects.filter(name=PROMOTION, version__task=self.task)
        audits = AuditEntry.objects.filter(
            project_id=self.project.pk, action="kaizen.prompt.tag_moved"
        )
        return {
            "live": tag.version.number,
            "revision": tag.revision,
            "project_revision": ProjectRevision.objects.get(project=self.project).revision,
            "moves": moves.count(),
            "audits": audits.count(),
            "approved": [
                version.number for version in self.task.versions.filter(review_state="approved")
            ],
        }


def two_approvers_of_one_version() -> dict[str, Any]:
    scene = Scene()
    live = scene.live()
    proven = PromptVersionFactory(task=scene.task, proven=live)
    rivals = [PromptVersion.objects.get(pk=proven.pk) for _ in range(2)]
    answers = race([lambda n=n: scene.approve(rivals[n], n) for n in range(2)])
    return {"answers": sorted(answers), **scene.outcome()}


def an_approver_and_a_promoter() -> dict[str, Any]:
    scene = Scene()
    live = scene.live()
    proven = PromptVersionFactory(task=scene.task, proven=live)
    rivals = [PromptVersion.objects.get(pk=proven.pk) for _ in range(2)]
    answers = race(
        [
            lambda: scene.approve(rivals[0], 0),
            lambda: scene.promote(rivals[1], GateBasis.EVIDENCE, 1),
        ]
    )
    return {"answers": answers, **scene.outcome()}


def approvers_of_two_versions() -> dict[str, Any]:
    scene = Scene()
    live = scene.live()
    rivals = [PromptVersionFactory(task=scene.task, proven=live) for _ in range(2)]
    answers = race([lambda n=n: scene.approve(rivals[n], n) for n in range(2)])
    winner = answers.index("approved")
    return {"answers": answers, "winner": rivals[winner].number, **scene.outcome()}


def first_offers() -> dict[str, Any]:
    scene = Scene()
    answers = race(
        [
            lambda n=n: (
                prompt_version_add(
                    actor=scene.approvers[0], task=scene.task, template=f"Way {n}: {{{{text}}}}"
                )[0].number
            )
            for n in range(4)
        ]
    )
    return {"answers": sorted(answers), **scene.outcome()}


def authors_of_different_texts() -> list[int]:
    scene = Scene()

    def write(n: int) -> int:
        artifact = artifact_for(scene.task, f"Way {n}.")
        return version_create(actor=scene.approvers[0], task=scene.task, artifact=artifact)[
            0
        ].number

    return sorted(race([lambda n=n: write(n) for n in range(6)]))


def authors_of_one_text() -> dict[str, Any]:
    scene = Scene()
    artifact = artifact_for(scene.task)

    def write() -> tuple[int, bool]:
        made = version_create(actor=scene.approvers[0], task=scene.task, artifact=artifact)
        return made[0].number, made[1]

    answers = race([write] * 6)
    return {
        "numbers": sorted({number for number, _ in answers}),
        "created": sum(is_new for _, is_new in answers),
    }
