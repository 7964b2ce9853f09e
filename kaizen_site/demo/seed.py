"""What the demo starts from: a project, two people, a key, a priced model, a task in git."""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kaizen_engine.states import FeedbackOrigin
from llm_app.services.connections import connection_create, price_set
from projects_app.actors import Actor
from projects_app.models import Project, Role, Scope, User
from projects_app.services.keys import api_key_create
from projects_app.services.projects import member_set, project_create, project_update
from prompts_app.services.prompts import prompt_create
from prompts_app.services.repositories import git_connection_create, repository_connect
from tasks_app.models import Task

TASK = "route-message"
DESKS = ("basalt", "comet", "heron", "juniper", "lantern", "otter")
INSTRUCTION = "Route the customer's message to the desk that should answer it."
# What the prompt is and how it is improved; feedback comes from every call.
PROMPT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": "{{message}}"},
    ],
    "input_schema": {"type": "object", "properties": {"message": {"type": "string"}}},
    "output_schema": {
        "type": "object",
        "properties": {"desk": {"type": "string", "enum": list(DESKS)}},
    },
    "feedback_origin": FeedbackOrigin.RANDOM.value,
    "num_trials": 6,
    "max_demos": 24,
}
PRICE: dict[str, Any] = {
    "model": "demo",
    "input_usd_per_mtok": Decimal("0.15"),
    "output_usd_per_mtok": Decimal("0.60"),
    "source": "made up for the demo",
}


@dataclass(frozen=True)
class Seed:
    project: Project
    task: Task
    approver: User
    passwords: dict[str, str]
    key: str


def seed(*, model_url: str, threshold: int) -> Seed:
    """Create everything through the services that a person's clicks would call."""
    project = project_create(slug="demo", name="Demo: grocery boxes")
    system = Actor.system(project.pk)
    project_update(actor=system, project=project, two_person_rule=True)
    passwords = {role.value: secrets.token_urlsafe(9) for role in (Role.EDITOR, Role.APPROVER)}
    people = {name: _person(system, project, name, word) for name, word in passwords.items()}
    connection = connection_create(
        actor=system,
        project=project,
        slug="demo",
        kind="openai",
        base_url=model_url,
        secret="demo",  # noqa: S106
    )
    price_set(actor=system, connection=connection, **PRICE)
    task, _ = prompt_create(
        actor=system,
        project=project,
        name=TASK,
        student="demo/demo",
        threshold=threshold,
        **PROMPT,
    )
    own = git_connection_create(actor=system, project=project, slug="own")
    repository_connect(actor=system, task=task, connection=own)
    _, key = api_key_create(
        actor=system,
        project=project,
        name="support desk",
        scopes=[Scope.FEEDBACK_WRITE, Scope.PROMPT_READ, Scope.OPTIMIZE_TRIGGER],
    )
    return Seed(project, task, people["approver"], passwords, key)


def _person(actor: Actor, project: Project, name: str, password: str) -> User:
    user = User.objects.create_user(name, password=password, is_staff=True)
    member_set(actor=actor, project=project, user=user, role=Role(name))
    return user
