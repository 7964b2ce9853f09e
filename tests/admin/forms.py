"""What a person would post to every form of the admin, and from which role on it is accepted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from feedback_app.models import Dataset
from llm_app.models import Connection, ModelPrice
from optimization_app.models import Job
from projects_app.models import ApiKey, Delivery, Membership, Project, Role, Scope, User
from prompts_app.models import GitConnection, PullRequest, Repository
from tasks_app.models import Task
from tests.admin.rooms import Room, cancel, decision, page, propose, propose_version
from tests.factories.projects import MembershipFactory
from tests.factories.tasks import TaskFactory

SETTINGS = {
    "input_schema": "{}",
    "output_schema": "{}",
    "evaluator": '{"kind": "exact_match"}',
    "feedback_origin": "user",
    "good_score": "0.8",
    "minimum_effect": "0.02",
    "judge_floor": "0.6",
    "threshold": "50",
    "optimizer": "bootstrap",
    "num_trials": "9",
    "max_demos": "8",
    "budget_usd": "5",
    "minutes": "30",
}


@dataclass(frozen=True)
class Write:
    """One thing a person may do to a room; `answers` is the status when it is done."""

    role: Role
    send: Callable[[Room], tuple[str, dict[str, Any]]]
    answers: int = 302


def add(model: type[Model], data: Callable[[Room], dict[str, Any]]) -> Callable[[Room], Any]:
    return lambda room: (page(model, "add"), data(room))


def change(model: type[Model], data: Callable[[Room], dict[str, Any]]) -> Callable[[Room], Any]:
    return lambda room: (page(model, "change", room.rows[model].pk), data(room))


def task_data(room: Room, **changes: Any) -> dict[str, Any]:
    made = {"project": room.project.pk, "slug": "made-here", "name": "Made here"}
    return {**made, **SETTINGS, "student": f"{room.mark}-models/large", **changes}


def key_data(room: Room, **changes: Any) -> dict[str, Any]:
    scopes = [Scope.FEEDBACK_WRITE.value]
    return {"project": room.project.pk, "name": "made here", "scopes": scopes, **changes}


def connection_data(room: Room, **changes: Any) -> dict[str, Any]:
    return {"project": room.project.pk, "slug": "made-here", "kind": "demo", **changes}


def price_data(room: Room, **changes: Any) -> dict[str, Any]:
    price = {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2", "source": "a page"}
    return {"connection": room.rows[Connection].pk, "model": "made-here", **price, **changes}


def dataset_data(room: Room, **changes: Any) -> dict[str, Any]:
    task = room.rows[Task].pk
    return {"project": room.project.pk, "task": task, "name": "made here", **changes}


def git_data(room: Room, **changes: Any) -> dict[str, Any]:
    made = {"project": room.project.pk, "slug": "made-here", "merge_without_evidence": "hold"}
    return {**made, **changes}


def repository_data(room: Room, **changes: Any) -> dict[str, Any]:
    task = TaskFactory(project=room.project, student_connection=room.rows[Connection])
    connection = room.rows[GitConnection].pk
    return {"task": task.pk, "connection": connection, "base_branch": "main", **changes}


def member_data(room: Room, **changes: Any) -> dict[str, Any]:
    viewer = room.people[Role.VIEWER].pk
    return {"project": room.project.pk, "user": viewer, "role": Role.EDITOR.value, **changes}


def _revoke(room: Room) -> tuple[str, dict[str, Any]]:
    chosen = {"action": "revoke", "_selected_action": [room.rows[ApiKey].pk]}
    return page(ApiKey, "changelist"), chosen


def _act(action: str, of: type[Model] | str) -> Callable[[Room], Any]:
    """Choose one row of the list, and an action."""

    def send(room: Room) -> tuple[str, dict[str, Any]]:
        row = room.proven if of == "proven" else room.rows[of]  # type: ignore[index]
        chosen = {"action": action, "_selected_action": [row.pk], "reason": "because"}
        return page(type(row), "changelist"), chosen

    return send


def _remove_member(room: Room) -> tuple[str, dict[str, Any]]:
    return page(Membership, "delete", room.rows[Membership].pk), {"post": "yes"}


def _add_member(room: Room) -> tuple[str, dict[str, Any]]:
    # Somebody whom the admin knows from another project of theirs.
    user: User = MembershipFactory().user
    MembershipFactory(project=user.projects.get(), user=room.people[Role.ADMIN], role="admin")
    return page(Membership, "add"), member_data(room, user=user.pk)


WRITES: dict[str, Write] = {
    "task add": Write(Role.EDITOR, add(Task, task_data)),
    "task change": Write(Role.EDITOR, change(Task, task_data)),
    "dataset add": Write(Role.EDITOR, add(Dataset, dataset_data)),
    "dataset change": Write(Role.EDITOR, change(Dataset, lambda room: {"is_representative": "on"})),
    "key add": Write(Role.ADMIN, add(ApiKey, key_data), answers=200),
    "key revoke": Write(Role.ADMIN, _revoke),
    "connection add": Write(Role.ADMIN, add(Connection, connection_data)),
    "connection change": Write(
        Role.ADMIN,
        change(Connection, lambda room: {"base_url": "https://1.1.1.1/v1", "secret": "another"}),
    ),
    "git add": Write(Role.ADMIN, add(GitConnection, git_data)),
    "repository add": Write(Role.ADMIN, add(Repository, repository_data)),
    "propose": Write(Role.EDITOR, lambda room: (propose(room.rows[PullRequest]), {})),
    "propose version": Write(Role.EDITOR, lambda room: (propose_version(room.first), {})),
    "price add": Write(Role.ADMIN, add(ModelPrice, price_data)),
    "price change": Write(Role.ADMIN, change(ModelPrice, price_data)),
    "member add": Write(Role.ADMIN, _add_member),
    "member change": Write(Role.ADMIN, change(Membership, lambda room: {"role": "editor"})),
    "member delete": Write(Role.ADMIN, _remove_member),
    "project change": Write(
        Role.ADMIN, change(Project, lambda room: {"name": "Renamed", "serve_on": "approve"})
    ),
    "approve": Write(Role.APPROVER, lambda room: (decision(room.proven, "approve"), {})),
    "override": Write(
        Role.APPROVER, lambda room: (decision(room.proven, "override"), {"reason": "because"})
    ),
    "reject": Write(
        Role.APPROVER, lambda room: (decision(room.proven, "reject"), {"reason": "because"})
    ),
    "archive": Write(Role.ADMIN, _act("archive", Task)),
    "send again": Write(Role.ADMIN, _act("send_again", Delivery)),
    "reject chosen": Write(Role.APPROVER, _act("reject", "proven")),
    "cancel": Write(Role.EDITOR, lambda room: (cancel(room.rows[Job]), {"reason": "because"})),
}
