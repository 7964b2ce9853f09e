"""Two projects with a row of everything, and a word in every text by which to know whose it is."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from feedback_app.models import Dataset, Example, Feedback
from kaizen_engine.states import GateBasis, PullRequestState
from llm_app.models import Connection, LedgerEntry, ModelPrice
from optimization_app.models import (
    BudgetEvent,
    EvaluationRow,
    Insight,
    Job,
    JudgePassport,
    LabelItem,
    PlaygroundRun,
    SuggestedExample,
    Trial,
)
from projects_app.actors import Actor
from projects_app.models import (
    ApiKey,
    AuditEntry,
    Channel,
    Delivery,
    Membership,
    Notification,
    Project,
    Role,
    User,
)
from prompts_app.models import (
    GateResult,
    GitConnection,
    PromptVersion,
    PullRequest,
    Repository,
    Tag,
)
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.factories.feedback import DatasetFactory, ExampleFactory, FeedbackFactory
from tests.factories.insights import InsightFactory, SuggestedExampleFactory
from tests.factories.labels import JudgePassportFactory, LabelItemFactory
from tests.factories.llm import ConnectionFactory, LedgerEntryFactory, ModelPriceFactory
from tests.factories.notifications import ChannelFactory, DeliveryFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory, TrialFactory
from tests.factories.playground import PlaygroundRunFactory
from tests.factories.projects import (
    ApiKeyFactory,
    AuditEntryFactory,
    MembershipFactory,
    ProjectFactory,
    UserFactory,
)
from tests.factories.prompts import (
    GitConnectionFactory,
    PromptVersionFactory,
    PullRequestFactory,
    RepositoryFactory,
)
from tests.factories.tasks import TaskFactory

Rows = dict[type[Model], Any]
TENANT: tuple[type[Model], ...] = (
    ApiKey,
    AuditEntry,
    BudgetEvent,
    Channel,
    Connection,
    Dataset,
    Delivery,
    EvaluationRow,
    Example,
    Feedback,
    GateResult,
    GitConnection,
    Insight,
    Job,
    JudgePassport,
    LabelItem,
    LedgerEntry,
    Membership,
    ModelPrice,
    PlaygroundRun,
    Notification,
    Project,
    PromptVersion,
    PullRequest,
    Repository,
    SuggestedExample,
    Tag,
    Task,
    Trial,
)
OPERATORS = (
    "axes.AccessAttempt",
    "axes.AccessFailureLog",
    "axes.AccessLog",
    "django_q.Failure",
    "django_q.OrmQ",
    "django_q.Schedule",
    "django_q.Success",
    "projects_app.User",
)


@dataclass(frozen=True)
class Room:
    """A project, its members by role, and a row of every model; `proven` waits for a decision."""

    mark: str
    project: Project
    people: dict[Role, User]
    rows: Rows
    first: PromptVersion
    proven: PromptVersion

    @property
    def names(self) -> set[str]:
        """Return all by which this room could be known on a page."""
        public = [getattr(row, "public_id", None) for row in self.rows.values()]
        return {self.mark, *(str(one) for one in public if one)}


def furnish(mark: str) -> Room:
    project = ProjectFactory(slug=mark)
    people = {role: UserFactory(username=f"{mark}-{role}", staff=True) for role in Role}
    members = [
        MembershipFactory(project=project, user=user, role=role.value)
        for role, user in people.items()
    ]
    connection = ConnectionFactory(project=project, slug=f"{mark}-models", openai=True)
    task = TaskFactory(
        project=project,
        slug=f"{mark}-task",
        student_connection=connection,
        student_model=f"{mark}-large",
        optimizer=f"{mark}-search",
    )
    first, proven = _versions(task, mark)
    job = JobFactory(seed_version=first, optimizer=f"{mark}-search", running=True)
    example = ExampleFactory(task=task, inputs={"text": mark})
    git = GitConnectionFactory(project=project, slug=f"{mark}-git")
    repository = RepositoryFactory(task=task, connection=git, path=f"{mark}.prompt.yml")
    rows = [
        project,
        members[0],
        connection,
        task,
        proven,
        job,
        example,
        ApiKeyFactory(project=project, name=f"{mark} app", prefix=f"{mark}123"),
        AuditEntryFactory(project=project, actor=f"user:{mark}", action=f"kaizen.{mark}.done"),
        DatasetFactory(task=task, name=f"{mark} data"),
        EvaluationRowFactory(job=job, example=example, label=f"{mark}_dev", text=mark),
        FeedbackFactory(task=task, event_id=f"{mark}-event", comment=mark),
        LedgerEntryFactory(project=project, model=f"{mark}/large", role=f"{mark}-role"),
        ModelPriceFactory(connection=connection, model=f"{mark}-large", source=mark),
        git,
        repository,
        _failed_pull(proven, repository, mark),
        TrialFactory(job=job),
        PlaygroundRunFactory(version=first, started_by_label=f"user:{mark}"),
        first.gates.get(),
        first.tags.get(),
        *_learned(task, job, mark),
        *_told(project, mark),
    ]
    return Room(mark, project, people, {type(row): row for row in rows}, first, proven)


def _learned(task: Task, job: Job, mark: str) -> list[Any]:
    """What a job and its judge left behind."""
    insight = InsightFactory(task=task, name=mark)
    return [
        insight,
        SuggestedExampleFactory(insight=insight, writer=mark),
        LabelItemFactory(task=task, answer={"label": mark}),
        JudgePassportFactory(task=task, judge={"rubric": mark}),
        BudgetEvent.objects.create(job=job, percent=80, spent_usd=1, spent_tokens=1),
    ]


def _told(project: Project, mark: str) -> list[Any]:
    """A channel, and a message to it that was given up."""
    channel = ChannelFactory(project=project, name=f"{mark} team", address=f"{mark}@example.org")
    delivery = DeliveryFactory(channel=channel, failed=True, error=f"no {mark} there")
    return [channel, delivery.notification, delivery]


def _versions(task: Task, mark: str) -> tuple[PromptVersion, PromptVersion]:
    system = Actor.system(task.project_id)
    first = PromptVersionFactory(task=task, system=f"Label the {mark}.", author_label=mark)
    version_promote(actor=system, task=task, version=first, basis=GateBasis.IMPORT)
    proven = PromptVersionFactory(task=task, proven=first, parents=[first], author_label=mark)
    return first, proven


def _failed_pull(version: PromptVersion, repository: Repository, mark: str) -> PullRequest:
    """One that may be proposed again."""
    state = PullRequestState.FAILED.value
    said = {"title": f"Propose {mark}", "body": f"<b>{mark}</b>", "error": f"no {mark} there"}
    return PullRequestFactory(version=version, repository=repository, state=state, **said)


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def decision(version: PromptVersion, name: str) -> str:
    return reverse("admin:prompts_app_promptversion_decide", args=[version.pk, name])


def cancel(job: Job) -> str:
    return reverse("admin:optimization_app_job_cancel", args=[job.pk])


def propose(pull: PullRequest) -> str:
    return reverse("admin:prompts_app_pullrequest_propose", args=[pull.pk])


def propose_version(version: PromptVersion) -> str:
    return reverse("admin:prompts_app_promptversion_propose", args=[version.pk])


def footprint() -> dict[str, list[Any]]:
    """Return every stored value of every tenant model, to compare before and after."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values()) for model in TENANT
    }


def registered() -> set[type[Model]]:
    return set(admin.site._registry)
