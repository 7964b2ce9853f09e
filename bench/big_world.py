"""The people, projects and prompts of a large installation, over which its rows are dealt out.

The prompt of rank n gets one n-th of what the first one gets, and half of the prompts belong to
the first project: so one project and one prompt are far larger than all others, as in life.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from django.utils import timezone

from feedback_app.models import Dataset, TaskCounter
from kaizen_engine.states import FeedbackOrigin
from llm_app.models import Connection, ModelPrice
from projects_app.models import ApiKey, Membership, Project, Role, User
from tasks_app.models import Task

DAYS = 180
LABELS = ("billing", "shipping", "refund", "account", "other")
WORDS = (
    "the card that was ordered two weeks ago has still not arrived and nobody answers please "
    "tell me where parcel money refund invoice account password address change today urgent"
)
MEMBER = "bench"
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
LABEL = {"type": "object", "properties": {"label": {"type": "string", "enum": [*LABELS]}}}
JUDGE = {"kind": "rubric", "rubric": "A good answer names the desk.", "model": "models/judge"}


@dataclass(frozen=True)
class Sizes:
    """How many rows; the defaults are what list pages have to carry."""

    projects: int = 12
    tasks: int = 240
    feedback: int = 1_000_000
    versions: int = 10_000
    jobs: int = 1_000
    examples: int = 100_000
    audit: int = 300_000
    ledger: int = 300_000

    def times(self, scale: float) -> "Sizes":
        """Scale all but the projects; what is left is never nothing."""
        few = {"projects": self.projects, "tasks": max(24, round(self.tasks * min(1.0, scale)))}
        names = ("feedback", "versions", "jobs", "examples", "audit", "ledger")
        return Sizes(**few, **{name: max(24, round(getattr(self, name) * scale)) for name in names})


class World:
    """What exists before the many rows do; `pick` draws a prompt by its rank."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.dice = random.Random(1)
        self.end = timezone.now()
        self.texts = [" ".join(self.dice.choices(WORDS.split(), k=24)) for _ in range(500)]
        self.person = User.objects.create(username=MEMBER, is_staff=True)
        self.projects = [_project(number) for number in range(sizes.projects)]
        Membership.objects.bulk_create(
            Membership(project=one, user=self.person, role=Role.ADMIN.value)
            for one in self.projects
        )
        connections = {one.pk: _connection(one) for one in self.projects}
        self.tasks = Task.objects.bulk_create(
            _task(rank, self._owner(rank), connections) for rank in range(sizes.tasks)
        )
        self.datasets = Dataset.objects.bulk_create(_dataset(task) for task in self.tasks * 2)
        TaskCounter.objects.bulk_create(
            TaskCounter(task=task, unconsumed=rank % 50, total=sizes.feedback // (rank + 1))
            for rank, task in enumerate(self.tasks)
        )
        self._weights = list(accumulate(1 / rank for rank in range(1, sizes.tasks + 1)))

    def _owner(self, rank: int) -> Project:
        """Return the first project for every other rank, the rest in turn for the others."""
        return self.projects[0] if rank % 2 == 0 else self.projects[1 + rank // 2 % 11]

    def pick(self) -> Task:
        return self.dice.choices(self.tasks, cum_weights=self._weights)[0]

    def text(self) -> str:
        return f"{self.dice.choice(self.texts)} {self.dice.randrange(10**9)}"

    def moment(self, share: float) -> datetime:
        """Return a time of the last half year; 1 is now."""
        return self.end - timedelta(days=DAYS * (1 - share))


def _project(number: int) -> Project:
    name = f"project-{number:02d}"
    project = Project.objects.create(slug=name, name=name.title())
    ApiKey.objects.create(
        project=project,
        name="an application",
        prefix=f"bench{number:03d}",
        secret_hash="0" * 64,
        scopes=["prompt:read"],
        expires_at=timezone.now() + timedelta(days=30),
    )
    return project


def _connection(project: Project) -> Connection:
    connection = Connection.objects.create(project=project, slug="models", kind="demo")
    ModelPrice.objects.create(
        connection=connection, model="demo", input_usd_per_mtok=1, output_usd_per_mtok=2
    )
    return connection


def _task(rank: int, project: Project, connections: dict[int, Connection]) -> Task:
    judged = {"evaluator": JUDGE} if rank % 4 == 0 else {}
    return Task(
        project=project,
        slug=f"prompt-{rank:03d}",
        name=f"Prompt {rank}",
        input_schema=TEXT,
        output_schema=LABEL,
        student_connection=connections[project.pk],
        student_model="demo",
        feedback_origin=FeedbackOrigin.USER.value,
        **judged,
    )


def _dataset(task: Task) -> Dataset:
    return Dataset(
        project_id=task.project_id,
        task=task,
        name=f"rows of {task.slug}",
        file_name="rows.csv",
        content_hash="0" * 64,
        report={"stored": 100, "failed": 0, "problems": []},
        frozen_at=timezone.now(),
    )
