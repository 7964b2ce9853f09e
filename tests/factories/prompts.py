"""Versions that fit their task's schemas, the tags on them and the gates they passed."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from kaizen_engine.git.names import head_branch
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.schema import inputs_from_schema, outputs_from_schema
from kaizen_engine.states import GateBasis, PullRequestState, ReviewState, Verdict
from prompts_app.models import (
    ClientSighting,
    GateOutcome,
    GateResult,
    GitConnection,
    ProjectRevision,
    PromptVersion,
    PullRequest,
    Repository,
    Tag,
)
from tests.factories.projects import ApiKeyFactory, ProjectFactory
from tests.factories.tasks import TaskFactory


def artifact_for(task, system="Label the text."):
    """Return an artifact with the task's fields, every input in its user message."""
    inputs = inputs_from_schema(task.input_schema)
    return PromptArtifact(
        system=system,
        user_template="\n".join(f"{{{{{field.name}}}}}" for field in inputs),
        inputs=inputs,
        outputs=outputs_from_schema(task.output_schema),
    )


class PromptVersionFactory(DjangoModelFactory):
    """The next version of its task. `proven=<version>` is confirmed against that version."""

    class Meta:
        model = PromptVersion
        exclude = ("system", "proven")
        skip_postgeneration_save = True

    proven = None
    task = factory.SubFactory(TaskFactory)
    number = factory.LazyAttribute(
        lambda version: PromptVersion.objects.filter(task_id=version.task.pk).count() + 1
    )
    system = factory.LazyAttribute(lambda version: f"Label the text, way {version.number}.")
    artifact = factory.LazyAttribute(
        lambda version: artifact_for(version.task, version.system).to_dict()
    )
    hash = factory.LazyAttribute(lambda version: PromptArtifact.from_dict(version.artifact).hash)
    verdict = factory.LazyAttribute(
        lambda version: (Verdict.CONFIRMED if version.proven else Verdict.NONE).value
    )
    evidence = factory.LazyAttribute(
        lambda version: (
            {"artifact_hash": version.hash, "parent": str(version.proven.public_id)}
            if version.proven
            else {}
        )
    )

    class Params:
        in_review = factory.Trait(review_state=ReviewState.IN_REVIEW.value)
        approved = factory.Trait(
            review_state=ReviewState.APPROVED.value,
            reviewed_at=factory.LazyFunction(timezone.now),
        )
        rejected = factory.Trait(
            review_state=ReviewState.REJECTED.value,
            review_reason="It is not better.",
            reviewed_at=factory.LazyFunction(timezone.now),
        )

    @factory.post_generation
    def parents(self, create, extracted, **kwargs):
        if create and extracted:
            self.parents.set(extracted)


class TagFactory(DjangoModelFactory):
    """`production`, or another name; what was live is in `GateResult`, not here."""

    class Meta:
        model = Tag

    version = factory.SubFactory(PromptVersionFactory)
    task = factory.SelfAttribute("version.task")
    name = "production"


class ClientSightingFactory(DjangoModelFactory):
    """A key of the version's project got it under `production`, just now."""

    class Meta:
        model = ClientSighting

    version = factory.SubFactory(PromptVersionFactory)
    task = factory.SelfAttribute("version.task")
    api_key = factory.SubFactory(ApiKeyFactory, project=factory.SelfAttribute("..task.project"))
    tag = "production"
    seen_at = factory.LazyFunction(timezone.now)


class ProjectRevisionFactory(DjangoModelFactory):
    class Meta:
        model = ProjectRevision

    project = factory.SubFactory(ProjectFactory)


class GateResultFactory(DjangoModelFactory):
    """A passed gate; `promotion=True` is the row that a move of production leaves."""

    class Meta:
        model = GateResult

    version = factory.SubFactory(PromptVersionFactory)
    name = "length"
    outcome = GateOutcome.PASSED.value

    class Params:
        failed = factory.Trait(outcome=GateOutcome.FAILED.value)
        promotion = factory.Trait(
            name="promotion", basis=GateBasis.IMPORT.value, tag="production", actor="system"
        )


class GitConnectionFactory(DjangoModelFactory):
    """One of Kaizen's own repositories; `url` names another place."""

    class Meta:
        model = GitConnection

    project = factory.SubFactory(ProjectFactory)
    slug = factory.Sequence(lambda n: f"git{n}")


class RepositoryFactory(DjangoModelFactory):
    """The connection belongs to the task's project."""

    class Meta:
        model = Repository

    task = factory.SubFactory(TaskFactory)
    connection = factory.SubFactory(
        GitConnectionFactory, project=factory.SelfAttribute("..task.project")
    )
    path = factory.LazyAttribute(lambda repository: f"prompts/{repository.task.slug}.prompt.yml")


class PullRequestFactory(DjangoModelFactory):
    """An open proposal of a version to its task's repository."""

    class Meta:
        model = PullRequest

    version = factory.SubFactory(PromptVersionFactory)
    repository = factory.SubFactory(RepositoryFactory, task=factory.SelfAttribute("..version.task"))
    state = PullRequestState.OPEN.value
    head = factory.LazyAttribute(
        lambda pull: head_branch(pull.version.task.slug, pull.version.hash)
    )
    title = "Propose a version"
    body = "Its evidence"
    commit_sha = "c" * 40
