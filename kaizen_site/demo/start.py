"""Start demo: the whole loop inside a project, on the demo model, through the real services.

Nothing here is scored in advance: an evaluation and a search are queued, and the workers do them.
The application's answers were recorded with the demo model; a test asks it again.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.utils.text import slugify

from feedback_app.models import Dataset
from feedback_app.services.feedback import feedback_log_batch
from feedback_app.services.uploads import Upload, dataset_upload
from feedback_app.wire import FeedbackItem
from kaizen_engine.states import Split
from kaizen_site.demo.seed import PRICE, PROMPT
from llm_app.models import Connection, ConnectionKind
from llm_app.services.connections import connection_create, price_set
from optimization_app.services.evaluate import evaluation_start
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from projects_app.models import FirstSteps, Project, Role
from projects_app.services.first_steps import demo_note, refuse_second_demo
from prompts_app.models import PromptVersion
from prompts_app.services.prompts import prompt_create
from tasks_app.models import Task
from tasks_app.services import task_update

FOLDER = Path(__file__).resolve().parent
NAME = "Demo: route a message"
CONNECTION = "demo-model"
THRESHOLD = 50
TRIGGER = "demo"


@transaction.atomic
def demo_start(*, actor: Actor, project: Project) -> FirstSteps:
    """Load the demo's prompt, feedback and dataset, and queue an evaluation and a search.

    The search is the system's, as an automatic one would be: any approver may decide on its draft.
    Raises NotAllowed below admin, Conflict (demo_present, taken).
    """
    actor.require(role=Role.ADMIN, project_id=project.pk)
    refuse_second_demo(project)
    connection = _connection(actor, project)
    task, version = prompt_create(
        actor=actor,
        project=project,
        name=NAME,
        student=f"{connection.slug}/{PRICE['model']}",
        threshold=THRESHOLD,
        auto_trigger=False,
        **PROMPT,
    )
    steps = demo_note(
        actor=actor, project=project, task=task.public_id, connection=connection.public_id
    )
    dataset = _dataset(actor, task)
    feedback_log_batch(actor=actor, items=list(_feedback(version)))
    _queue(actor, version, dataset)
    task_update(actor=actor, task=task, auto_trigger=True)
    return steps


def _connection(actor: Actor, project: Project) -> Connection:
    connection = connection_create(
        actor=actor, project=project, slug=CONNECTION, kind=ConnectionKind.DEMO
    )
    price_set(actor=actor, connection=connection, **PRICE)
    return connection


def _dataset(actor: Actor, task: Task) -> Dataset:
    path = FOLDER / "dataset.csv"
    with path.open("rb") as file:
        upload = Upload(
            file=file,
            file_name=path.name,
            size=path.stat().st_size,
            name="Demo: messages with their desk",
            split=Split.DEV,
        )
        dataset, _ = dataset_upload(actor=actor, task=task, upload=upload)
    return dataset


def _feedback(version: PromptVersion) -> Iterator[FeedbackItem]:
    """Say of each recorded answer whether it was right, and which desk is."""
    answers = (FOLDER / "answers.txt").read_text(encoding="utf-8").split()
    for number, (row, answer) in enumerate(zip(messages(), answers, strict=True)):
        desk, text = row
        is_right = answer == desk
        yield FeedbackItem(
            task=slugify(NAME),
            event_id=f"demo-{version.public_id.hex}-{number}",
            inputs={"message": text},
            output=answer,
            score=1.0 if is_right else 0.0,
            comment=None if is_right else f"This one belongs to the {desk} desk.",
            corrected_output=None if is_right else desk,
            prompt_hash=version.hash,
        )


def messages() -> Iterator[list[str]]:
    """Return the demo's messages, each after the desk that is right for it."""
    with (FOLDER / "messages.tsv").open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _queue(actor: Actor, version: PromptVersion, dataset: Dataset) -> None:
    """Queue the evaluation first: it ends within seconds, and the search may then take its time."""
    config = {"dataset_id": str(dataset.public_id)}
    evaluation_start(
        actor=actor, version=version, trigger=TRIGGER, alone=True, config=config, confirm=True
    )
    system = Actor.system(version.task.project_id)
    job_start(actor=system, task=version.task, trigger=TRIGGER, confirm=True)
