"""How a task's versions came from one another: what changed at each step, and what it gained."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.prompts.diff import diff_words
from prompts_app.models import PromptVersion
from tasks_app.models import Task

TEXTS = ("system", "user_template")
# Each step is a diff by words.
LARGEST = 100


def lineage(task: Task, *, before: int | None = None) -> list[dict[str, Any]]:
    """Return the latest LARGEST versions by number, of those below `before` where it is given;
    each names its parents and how it differs from them."""
    versions = task.versions.order_by("-number").prefetch_related("parents", "tags")
    if before is not None:
        versions = versions.filter(number__lt=before)
    return [_entry(version) for version in reversed(versions.defer("dspy_state")[:LARGEST])]


def _entry(version: PromptVersion) -> dict[str, Any]:
    return {
        "version_id": str(version.public_id),
        "number": version.number,
        "hash": version.hash,
        "review_state": version.review_state,
        "verdict": version.verdict,
        "change_reason": version.change_reason,
        "author": version.author_label,
        "created_at": version.created_at,
        "tags": sorted(tag.name for tag in version.tags.all()),
        "parents": [_step(parent, version) for parent in version.parents.all()],
    }


def _step(parent: PromptVersion, child: PromptVersion) -> dict[str, Any]:
    before, after = parent.artifact, child.artifact
    return {
        "version_id": str(parent.public_id),
        "number": parent.number,
        "text": {name: _spans(before[name], after[name]) for name in TEXTS},
        "demos_added": [demo for demo in after["demos"] if demo not in before["demos"]],
        "demos_removed": [demo for demo in before["demos"] if demo not in after["demos"]],
        "gain": _gain(parent, child.evidence),
    }


def _spans(before: str, after: str) -> list[dict[str, str]]:
    if before == after:
        return []
    return [{"op": span.op, "text": span.text} for span in diff_words(before, after)]


def _gain(parent: PromptVersion, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the hold-out gain where it was measured against this very parent."""
    holdout = evidence.get("holdout")
    if not holdout or evidence.get("parent") != str(parent.public_id):
        return None
    return {name: holdout[name] for name in ("gain", "low", "high", "p", "n")}
