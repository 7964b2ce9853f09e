"""What the test of the whole loop builds and asks inside an installation, by its shell."""

from typing import Any

from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.models import Membership, Project, Role, Scope, User
from projects_app.services.keys import api_key_create
from prompts_app.models import PullRequest
from prompts_app.services.repositories import git_connection_create, repository_connect
from tasks_app.models import Task


def connect(url: str) -> dict[str, str]:
    """Connect the task to the repository; two persons decide, one of them Alice."""
    project = Project.objects.get()
    Project.objects.update(two_person_rule=True)
    actor = Actor.system(project.pk)
    connection = git_connection_create(actor=actor, project=project, slug="app", url=url)
    repository = repository_connect(actor=actor, task=Task.objects.get(), connection=connection)
    alice = User.objects.create_user("alice", git_login="alice@example.org")
    Membership.objects.create(project=project, user=alice, role=Role.APPROVER.value)
    _, key = api_key_create(
        actor=actor, project=project, name="application", scopes=[Scope.PROMPT_READ]
    )
    return {"key": key, "path": repository.path}


def progress() -> dict[str, Any]:
    """Return how the one job ended, once it has, and where its pull request is."""
    job = Job.objects.filter(task__slug="triage").first()
    pull = PullRequest.objects.first()
    if job is None or job.state in LIVE_JOB_STATES or (job.result_version and not pull):
        return {}
    return {
        "state": job.state,
        "verdict": job.verdict,
        "error": job.error,
        "pulls": PullRequest.objects.count(),
        **({"pull": pull.state, "head": pull.head, "held": pull.held} if pull else {}),
    }
