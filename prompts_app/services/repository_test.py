"""Trying a repository: a worker reads the prompt's file on its branch, and says what it found.

Asking is a conditional UPDATE, and so is taking the question up: of two workers one looks.
"""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kaizen_engine.errors import KaizenError
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role
from projects_app.services.audit import audit_record
from prompts_app.models import TEST_LIFE, Repository
from prompts_app.providers import provider_of

WAITING, LOOKING, WORKS, FAILED = "waiting", "looking", "works", "failed"
RUN = "prompts_app.worker.try_repository"


@transaction.atomic
def repository_test_ask(*, actor: Actor, repository: Repository) -> Repository:
    """Have a worker look; raises Conflict while one does."""
    actor.require(role=Role.ADMIN, project_id=repository.task.project_id)
    now = timezone.now()
    busy = Q(test_state__in=(WAITING, LOOKING), test_at__gt=now - TEST_LIFE)
    free = Repository.objects.exclude(busy).filter(pk=repository.pk)
    if not free.update(test_state=WAITING, test_at=now, test_words=""):
        raise Conflict("a test of this repository is under way", code="stale")
    audit_record(actor=actor, action="kaizen.git.repository_tested", subject=repository)
    transaction.on_commit(lambda: _wake(repository.pk), robust=True)
    repository.refresh_from_db()
    return repository


def repository_test_run(repository_id: int) -> str:
    """Look, if nobody else does; what git says is kept in words."""
    waiting = Repository.objects.filter(pk=repository_id, test_state=WAITING)
    if not waiting.update(test_state=LOOKING):
        return "not to be taken"
    repository = Repository.objects.select_related("task", "connection__project").get(
        pk=repository_id
    )
    state, words = _looked(repository)
    looking = Repository.objects.filter(
        pk=repository_id, test_state=LOOKING, test_at=repository.test_at
    )
    looking.update(test_state=state, test_words=words[:500])
    return state


def _looked(repository: Repository) -> tuple[str, str]:
    branch, path = repository.base_branch, repository.path
    try:
        content = provider_of(repository).file_at(branch, path)
    except KaizenError as error:
        return FAILED, " ".join(str(error).split())
    if content is None:
        return (
            WORKS,
            f"It can be read; {path} is not on {branch} yet, and the first proposal adds it.",
        )
    return WORKS, f"{path} is on {branch}, {len(content):,} bytes."


def _wake(repository_id: int) -> None:
    from django_q.tasks import async_task

    async_task(RUN, repository_id, q_options={"group": "connection tests"})
