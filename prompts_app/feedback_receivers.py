"""What this app is asked by the room of feedback, which knows hashes and no versions."""

from collections.abc import Collection, Sequence
from typing import Any

from django.dispatch import receiver

from feedback_app.models import Feedback
from feedback_app.signals import texts_redacted, versions_asked
from kaizen_engine.data.split import group_key
from prompts_app.models import PromptVersion

# A version shows rows as they were: more of them are not read while somebody waits.
MOST_VERSIONS = 500


@receiver(versions_asked, dispatch_uid="prompts_app.number_versions")
def number_versions(
    sender: Any, *, hashes: Collection[tuple[int, str]], **_: Any
) -> dict[tuple[int, str], int]:
    tasks, wanted = {task for task, _ in hashes}, {one for _, one in hashes}
    found = PromptVersion.objects.filter(task__in=tasks, hash__in=wanted)
    return {(task, one): number for task, one, number in found.values_list(*_NUMBERED)}


@receiver(texts_redacted, dispatch_uid="prompts_app.name_versions_that_show")
def name_versions_that_show(
    sender: Any, *, feedback: Sequence[Feedback], **_: Any
) -> tuple[str, ...]:
    """Name the versions with a row among their demonstrations: they never change."""
    mine: dict[int, set[str]] = {}
    for row in feedback:
        mine.setdefault(row.task_id, set()).add(group_key(row.inputs))
    found = {task: numbers for task, keys in mine.items() if (numbers := _showing(task, keys))}
    return tuple(
        f"Version {', '.join(map(str, sorted(numbers)))} shows it among its examples and never "
        "changes: put a version live that does not."
        for numbers in found.values()
    )


def _showing(task_id: int, keys: set[str]) -> list[int]:
    versions = PromptVersion.objects.filter(task=task_id).order_by("-number")
    latest = versions.values_list("number", "artifact")[:MOST_VERSIONS]
    return [
        number
        for number, artifact in latest
        if any(group_key(demo["inputs"]) in keys for demo in artifact.get("demos", ()))
    ]


_NUMBERED = ("task_id", "hash", "number")
