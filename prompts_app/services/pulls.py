"""From a version to its pull request and on: open, look, merge or close; all of it repeatable.

1. The row comes first, with the body frozen; the head branch is its natural key.
2. The file is frozen in the row before the branch is made, so a second attempt makes the same one.
3. Branch, commit and pull request are looked up before they are made.
4. The row moves by conditional UPDATE: of two workers one records it, and both did the same.
No step holds a transaction across a call to git.
"""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from kaizen_engine.errors import GitError, InvalidPromptFile
from kaizen_engine.git.base import GitProvider, Person, PullRef, PullStatus
from kaizen_engine.git.names import head_branch
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.prompt_yml import PromptFile, read_prompt_file, write_prompt_file
from kaizen_engine.states import PullRequestState, ReviewState, Verdict
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record
from prompts_app.models import PromptVersion, PullRequest, Repository
from prompts_app.providers import provider_of
from prompts_app.pull_body import pull_body, pull_title
from prompts_app.queue import follow_on_commit
from prompts_app.selectors import is_worth_proposing
from prompts_app.services.pull_merged import approver_person, pull_merged, pull_serve_held
from prompts_app.services.pull_moves import pull_move, pull_trouble

State = PullRequestState


def pull_follow(*, version: PromptVersion) -> PullRequest | None:
    """Take the version's pull request as far as it can go now; None where there is none to open."""
    repository = Repository.objects.filter(task=version.task).first()
    pull = PullRequest.objects.filter(version=version, repository=repository).first()
    if repository is None or (pull is None and not is_worth_proposing(version)):
        return None
    pull = pull or _row(version, repository, Actor.system(repository.task.project_id))
    if pull.state == State.OPENING:
        _open(pull)
    if pull.state in (State.OPEN, State.AWAITING_MERGE):
        _look(pull)
    elif pull.state == State.MERGED and pull.held:
        pull_serve_held(pull)
    pull.refresh_from_db()
    return pull


@transaction.atomic
def pull_propose(*, actor: Actor, version: PromptVersion) -> PullRequest:
    """Propose a version by hand, whatever its verdict; a failed proposal is tried anew.

    Raises NotHere `no_repository`; Conflict `rejected`.
    """
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=version.task.project_id)
    repository = Repository.objects.filter(task=version.task).first()
    if repository is None:
        raise NotHere(f"{version.task.slug} has no repository", code="no_repository")
    if version.review_state == ReviewState.REJECTED:
        raise Conflict(f"{version} was rejected", code="rejected")
    pull = _row(version, repository, actor)
    pull_move(actor=actor, pull=pull, to=State.OPENING)
    follow_on_commit(version)
    pull.refresh_from_db()
    return pull


@transaction.atomic
def _row(version: PromptVersion, repository: Repository, actor: Actor) -> PullRequest:
    pull, is_new = PullRequest.objects.get_or_create(
        repository=repository,
        head=head_branch(version.task.slug, version.hash),
        defaults={
            "version": version,
            "title": pull_title(version),
            "body": pull_body(version, repository.path),
            "is_draft": version.verdict != Verdict.CONFIRMED,
        },
    )
    if is_new:
        audit_record(
            actor=actor,
            action="kaizen.pull.proposed",
            subject=pull,
            version=version.number,
            head=pull.head,
        )
    return pull


def _open(pull: PullRequest) -> None:
    try:
        provider = provider_of(pull.repository)
        _freeze_content(pull, provider)
        ref = _ref(pull)
        commit = provider.ensure_branch_with_commit(
            branch=ref.head,
            base=ref.base,
            path=pull.repository.path,
            content=pull.content.encode(),
            message=f"{pull.title}\n\nKaizen-Version: {pull.version.hash}\n",
        )
        opened = provider.open_pull(
            head=ref.head,
            base=ref.base,
            commit=commit,
            title=pull.title,
            body=pull.body,
            is_draft=pull.is_draft,
        )
    except (GitError, InvalidPromptFile, InvalidInput) as error:
        pull_trouble(pull=pull, error=error, to=State.FAILED)
    else:
        pull_move(
            actor=_system(pull),
            pull=pull,
            to=State.OPEN,
            commit_sha=commit,
            number=opened.number,
            url=opened.url,
        )
    pull.refresh_from_db()


def _freeze_content(pull: PullRequest, provider: GitProvider) -> None:
    """Keep what the file on base says beside the artifact, where that can be read."""
    if pull.content:
        return
    repository = pull.repository
    before = provider.file_at(repository.base_branch, repository.path)
    if before is None and not repository.connection.url:
        before = _begin(pull, provider)
    content = _file(pull.version, before).decode()
    PullRequest.objects.filter(pk=pull.pk, content="").update(content=content)
    pull.refresh_from_db()


def _begin(pull: PullRequest, provider: GitProvider) -> bytes | None:
    """Put what was live before into our own repository, so that the change can be seen."""
    parent = pull.version.parents.order_by("-id").first()
    if parent is None:
        return None
    content, base = _file(parent, None), pull.repository.base_branch
    message = f"Begin with version {parent.number} of {parent.task.slug}\n"
    head = head_branch(parent.task.slug, parent.hash)
    commit = provider.ensure_branch_with_commit(
        branch=head, base=base, path=pull.repository.path, content=content, message=message
    )
    first = PullRef(head, base, commit)
    provider.merge(first, message=message, author=Person("Kaizen"))
    provider.close(first)
    return content


def _file(version: PromptVersion, before: bytes | None) -> bytes:
    artifact = PromptArtifact.from_dict(version.artifact)
    try:
        kept = read_prompt_file(before) if before else None
    except InvalidPromptFile:
        kept = None
    if kept is None:
        return write_prompt_file(PromptFile(artifact, version.task.name, version.task.description))
    return write_prompt_file(replace(kept, artifact=artifact))


def _look(pull: PullRequest) -> None:
    PullRequest.objects.filter(pk=pull.pk).update(polled_at=timezone.now())
    try:
        provider = provider_of(pull.repository)
        status = provider.pull_state(_ref(pull))
        if status.state is State.OPEN:
            status = _decide(pull, provider) or status
        if status.state is State.MERGED:
            content = provider.file_at(status.merge_sha, pull.repository.path)
            pull_merged(pull=pull, status=status, content=content)
    except (GitError, InvalidInput) as error:
        # What cannot be read now is read at the next look; only a merge is ever given up.
        PullRequest.objects.filter(pk=pull.pk).update(error=str(error)[:500])
        return
    if status.state is State.CLOSED:
        pull_move(actor=_system(pull), pull=pull, to=State.CLOSED)


def _decide(pull: PullRequest, provider: GitProvider) -> PullStatus | None:
    """Do to an open pull request what the review says."""
    version = PromptVersion.objects.select_related("reviewed_by").get(pk=pull.version_id)
    if version.review_state == ReviewState.REJECTED:
        provider.close(_ref(pull))
        return PullStatus(State.CLOSED)
    if version.review_state != ReviewState.APPROVED or pull.state != State.OPEN:
        return None
    try:
        message = f"Merge version {version.number} of {pull.repository.task.slug}\n"
        provider.merge(_ref(pull), message=message, author=approver_person(version))
    except GitError as error:
        pull_trouble(pull=pull, error=error, to=State.AWAITING_MERGE)
        return None
    return provider.pull_state(_ref(pull))


def _ref(pull: PullRequest) -> PullRef:
    base = pull.repository.base_branch
    return PullRef(pull.head, base, pull.commit_sha, pull.number, pull.url)


def _system(pull: PullRequest) -> Actor:
    return Actor.system(pull.repository.task.project_id)
