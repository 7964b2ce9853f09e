"""Reading versions and tags, always within one project."""

import re
import uuid
from typing import Any

import msgspec
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from kaizen_engine.states import PullRequestState, ReviewState, Verdict
from projects_app.exceptions import InvalidInput, NotHere
from prompts_app.live_cache import LivePrompt, live_cache
from prompts_app.models import GateResult, ProjectRevision, PromptVersion, Repository, Tag
from tasks_app.models import Task
from tasks_app.selectors import task_get

PRODUCTION = "production"
PROMOTION = "promotion"
TAG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
LONGEST_SLUG = 80
WORTH_PROPOSING = frozenset({Verdict.CONFIRMED, Verdict.LIKELY, Verdict.BETTER_ON_REPORTED})


def live_prompt(project_id: int, slug: str, tag: str = PRODUCTION) -> LivePrompt:
    """Return the answer to `GET /tasks/{slug}/prompt`, at most two seconds old.

    Raises NotHere with the code `unknown_task` or `no_active_version`.
    """
    check_tag_name(tag)
    key = live_key(project_id, slug, tag)
    return live_cache.get(key, lambda: _read_live(project_id, slug, tag))


def live_key(project_id: int, slug: str, tag: str) -> str:
    # One character too many still tells a name that no task can have from those that do.
    return f"live:{project_id}:{slug[: LONGEST_SLUG + 1]}:{tag}"


def _read_live(project_id: int, slug: str, name: str) -> LivePrompt:
    tags = Tag.objects.select_related("version").filter(
        task__project_id=project_id, task__slug=slug, task__archived_at=None, name=name
    )
    tag = tags.first()
    if tag is None:
        task_get(project_id, slug)
        raise NotHere(
            f"nothing is live under {name!r} for the task {slug!r} yet", code="no_active_version"
        )
    body = msgspec.json.encode(_served(tag))
    return LivePrompt(etag_of(tag), body, tag.task_id, tag.version_id)


def _served(tag: Tag) -> dict[str, Any]:
    version = tag.version
    return {
        "version": str(version.public_id),
        "number": version.number,
        "hash": version.hash,
        "tag": tag.name,
        "artifact": version.artifact,
    }


def etag_of(tag: Tag) -> str:
    return f'"{tag.pk}-{tag.revision}"'


def changes_since(project_id: int, revision: int) -> dict[str, Any]:
    """Return the project's revision, and where each tag that moved after `revision` is now.

    A client ahead of the server, as after a restored backup, gets every tag.
    """
    row = ProjectRevision.objects.filter(project_id=project_id).first()
    current = row.revision if row else 0
    if current == revision:
        return {"revision": current, "tags": []}
    moved = Tag.objects.select_related("version", "task").filter(
        task__project_id=project_id,
        task__archived_at=None,
        project_revision__gt=revision if revision < current else 0,
    )
    return {"revision": current, "tags": [_change(tag) for tag in moved.order_by("id")]}


def _change(tag: Tag) -> dict[str, Any]:
    return {
        "task": tag.task.slug,
        "tag": tag.name,
        "version": str(tag.version.public_id),
        "number": tag.version.number,
        "hash": tag.version.hash,
        "etag": etag_of(tag),
    }


def version_get(task: Task, public_id: uuid.UUID | str) -> PromptVersion:
    """Return a version of this task, or raise NotHere with the code `unknown_version`."""
    try:
        wanted = uuid.UUID(str(public_id))
    except ValueError:
        wanted = None
    version = task.versions.filter(public_id=wanted).first() if wanted else None
    if version is None:
        message = f"the task {task.slug!r} has no version {public_id!s}"
        raise NotHere(message, code="unknown_version")
    return version


def live_version(task: Task, tag: str = PRODUCTION) -> PromptVersion | None:
    held = Tag.objects.select_related("version").filter(task=task, name=tag).first()
    return held.version if held else None


def version_before(task: Task, tag: str, version: PromptVersion) -> PromptVersion | None:
    """Return what `version` replaced when it last went live under the tag other than by rollback.

    So rolling back twice goes two steps back, and never forward to what was rolled back.
    """
    arrivals = _moves(task, tag).filter(version=version).exclude(basis="rollback")
    last = arrivals.select_related("replaced").last()
    return last.replaced if last else None


def was_live(task: Task, tag: str, version: PromptVersion) -> bool:
    return _moves(task, tag).filter(version=version).exists()


def _moves(task: Task, tag: str) -> QuerySet[GateResult]:
    return GateResult.objects.filter(name=PROMOTION, version__task=task, tag=tag).order_by("id")


def is_worth_proposing(version: PromptVersion) -> bool:
    """Return whether its verdict asks for a pull request; a rejected version gets none."""
    return version.verdict in WORTH_PROPOSING and version.review_state != ReviewState.REJECTED


def may_be_proposed(version: PromptVersion) -> bool:
    """Return whether a person may ask for the pull request that the version has not got."""
    if version.review_state == ReviewState.REJECTED or version.pulls.exists():
        return False
    return Repository.objects.filter(task=version.task_id).exists()


def versions_to_follow() -> list[int]:
    """Return the versions whose pull request is missing, due or under way; longest unseen first."""
    due = Q(pulls__retry_at=None) | Q(pulls__retry_at__lte=timezone.now())
    moving = (PullRequestState.OPENING, PullRequestState.OPEN, PullRequestState.AWAITING_MERGE)
    under_way = Q(pulls__state__in=[state.value for state in moving]) & due
    held = Q(
        pulls__state=PullRequestState.MERGED.value,
        pulls__merged_version=None,
        review_state=ReviewState.APPROVED.value,
    ) & ~Q(pulls__held="")
    missing = Q(
        pulls=None,
        verdict__in=[verdict.value for verdict in WORTH_PROPOSING],
        created_at__gte=F("task__repository__created_at"),
    ) & ~Q(review_state=ReviewState.REJECTED.value)
    versions = PromptVersion.objects.filter(task__repository__isnull=False, task__archived_at=None)
    seen = F("pulls__polled_at").asc(nulls_first=True)
    found = versions.filter(under_way | held | missing).order_by(seen, "id")
    return list(found.values_list("pk", flat=True))


def check_tag_name(name: str) -> None:
    """Raise InvalidInput unless it is 1 to 60 letters, digits, dots, dashes or underscores."""
    if not TAG_NAME.fullmatch(name):
        message = "a tag has 1 to 60 letters, digits, dots, dashes and underscores"
        raise InvalidInput(message, errors={"tag": message})
