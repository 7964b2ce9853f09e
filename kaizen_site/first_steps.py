"""What a project has done of its first steps, asked of the facts in one query."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from feedback_app.models import Dataset, Feedback
from kaizen_engine.states import ReviewState
from kaizen_site.overview_links import link
from llm_app.models import Connection, ConnectionKind
from optimization_app.models import Job
from projects_app.models import ApiKey, FirstSteps, Project
from prompts_app.models import PromptVersion
from tasks_app.models import Task

DECIDED = (ReviewState.APPROVED.value, ReviewState.REJECTED.value)


@dataclass(frozen=True)
class Step:
    words: str
    url: str
    is_done: bool


@dataclass(frozen=True)
class Start:
    """`demo` says that demo data is there; `is_empty` that there is no prompt at all."""

    steps: Sequence[Step]
    is_empty: bool
    is_hidden: bool
    demo_task: object | None

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def is_shown(self) -> bool:
        return not self.is_hidden and self.done < len(self.steps)


def start_of(project: Project) -> Start:
    state = FirstSteps.objects.filter(project=project).first()
    demo = state.demo_task if state else None
    facts = _facts(project, demo)
    return Start(
        steps=_steps(project, facts),
        is_empty=not facts["has_prompt"],
        is_hidden=bool(state and state.hidden_at),
        demo_task=demo,
    )


def _facts(project: Project, demo: object | None) -> dict[str, bool]:
    """Ask everything at once; what the demo loaded is nobody's own."""
    mine, own = OuterRef("pk"), ~Q(task__public_id=demo) if demo else Q()
    asked = {
        "has_prompt": Task.objects.filter(project=mine, archived_at=None),
        "has_decided": PromptVersion.objects.filter(task__project=mine, review_state__in=DECIDED),
        "has_called": ApiKey.objects.filter(project=mine, last_used_at__isnull=False),
        "has_data": Dataset.objects.filter(own, project=mine, frozen_at__isnull=False),
        "has_feedback": Feedback.objects.filter(own, project=mine),
        "has_model": Connection.objects.filter(project=mine).exclude(
            kind=ConnectionKind.DEMO.value
        ),
        "has_job": Job.objects.filter(own, task__project=mine),
    }
    exists = {name: Exists(rows.order_by()) for name, rows in asked.items()}
    asked_once = Project.objects.filter(pk=project.pk).annotate(**exists)
    return dict(asked_once.values(*exists).get())


def _steps(project: Project, facts: dict[str, bool]) -> list[Step]:
    return [
        Step(_("Have a prompt: start the demo or make your own"),
             link("prompts:new", project), facts["has_prompt"]),
        Step(_("Decide on a draft, with its evidence in front of you"),
             link("prompts:list", project), facts["has_decided"]),
        Step(_("Connect your app with a key of its own"),
             link("projects:connect", project), facts["has_called"]),
        Step(_("Bring data: import a file, or log feedback"),
             link("datasets:list", project), facts["has_data"] or facts["has_feedback"]),
        Step(_("Connect the provider of your model"),
             link("settings:connections", project), facts["has_model"]),
        Step(_("Start a job of your own; its cost is shown before"),
             link("jobs:new", project), facts["has_job"]),
    ]  # fmt: skip
