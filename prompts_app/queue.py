"""Waking a worker for a version's pull request. The message is a hint; the sweep finds the rest."""

from functools import partial

from django.db import transaction

from prompts_app.models import PromptVersion, Repository

FOLLOW = "prompts_app.worker.follow_version"


def follow_on_commit(version: PromptVersion) -> None:
    """Have the version's pull request looked at, where its task has a repository."""
    transaction.on_commit(partial(_wake, version.pk), robust=True)


def _wake(version_id: int) -> None:
    if not Repository.objects.filter(task__versions=version_id).exists():
        return
    from django_q.tasks import async_task

    async_task(FOLLOW, version_id, q_options={"group": "pull requests"})
