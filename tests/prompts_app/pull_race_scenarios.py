"""Workers that follow one version at the same moment. Runs inside an installation."""

from pathlib import Path
from typing import Any

from django.conf import settings

from projects_app.models import AuditEntry
from prompts_app.models import GateResult, PromptVersion, PullRequest
from prompts_app.worker import follow_version
from tests.engine.git.repositories import Checkout, git
from tests.factories.prompts import PromptVersionFactory, RepositoryFactory
from tests.prompts_app.race_scenarios import Scene, race

WORKERS = 4


def _proposed(scene: Scene) -> tuple[PromptVersion, Path]:
    live = scene.live()
    repository = RepositoryFactory(task=scene.task)
    proven = PromptVersionFactory(task=scene.task, proven=live, parents=[live])
    folder = Path(settings.CONFIG.data_dir).absolute() / "git"
    return proven, folder / f"{repository.connection.public_id}.git"


def _together(version: PromptVersion) -> list[str]:
    # A worker that found a lock taken has left it to the next look.
    answers = race([lambda: follow_version(version.pk)] * WORKERS)
    PullRequest.objects.filter(version=version).update(retry_at=None)
    follow_version(version.pk)
    return answers


def _facts(scene: Scene, version: PromptVersion, bare: Path) -> dict[str, Any]:
    pull = PullRequest.objects.get(version=version)
    actions = AuditEntry.objects.filter(project_id=scene.project.pk, object_type="pullrequest")
    moves = GateResult.objects.filter(name="promotion", version=version)
    return {
        "state": pull.state,
        "held": pull.held,
        "head": git(bare, "rev-list", "--count", f"main..{pull.head}"),
        "merges": git(bare, "log", "--format=%s", "--merges", "--grep=^Merge", "main"),
        "actions": sorted(actions.values_list("action", flat=True)),
        "moves": moves.count(),
    }


def openers_of_one_version() -> dict[str, Any]:
    scene = Scene()
    proven, bare = _proposed(scene)
    _together(proven)
    return _facts(scene, proven, bare)


def mergers_of_one_approval() -> dict[str, Any]:
    scene = Scene()
    proven, bare = _proposed(scene)
    follow_version(proven.pk)
    scene.approve(PromptVersion.objects.get(pk=proven.pk))
    _together(proven)
    return _facts(scene, proven, bare)


def finders_of_one_merge() -> dict[str, Any]:
    scene = Scene()
    proven, bare = _proposed(scene)
    follow_version(proven.pk)
    head = PullRequest.objects.get(version=proven).head
    folder = bare.parent / f"{bare.name}.person"
    Checkout(folder, str(bare)).merge(head)
    _together(proven)
    return _facts(scene, proven, bare)
