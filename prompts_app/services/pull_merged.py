"""What a merge means: the merged text becomes the live one, where evidence and people allow it.

Who merged is known by their git login. Where the project asks for a second person, a merge by
anybody else decides nothing; where it does not, who may push to the base branch may decide.
A text that was edited on its way is another version, and is held until it is measured.
"""

from django.db import transaction

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.git.base import Person, PullStatus
from kaizen_engine.prompts.prompt_yml import read_prompt_file
from kaizen_engine.states import GateBasis, PullRequestState, ReviewState
from projects_app.actors import Actor
from projects_app.exceptions import ServiceError
from projects_app.models import Role, ServeOn, User
from projects_app.services.audit import audit_record
from prompts_app.models import GateResult, PromptVersion, PullRequest, WithoutEvidence
from prompts_app.selectors import live_version
from prompts_app.services.checks import OVERRIDE
from prompts_app.services.gates import evidence_objections
from prompts_app.services.pull_moves import pull_move
from prompts_app.services.tags import version_promote
from prompts_app.services.versions import version_create

LONGEST_LABEL = 200


@transaction.atomic
def pull_merged(*, pull: PullRequest, status: PullStatus, content: bytes | None) -> None:
    """Record the merge once, with the version that it brought, and serve that if it may be."""
    actor = merger_actor(pull, status.merger)
    shown = _kaizens_own(pull, status.merger) or actor
    moved = pull_move(
        actor=shown,
        pull=pull,
        to=PullRequestState.MERGED,
        merge_sha=status.merge_sha,
        merged_by=shown.label,
    )
    if not moved:
        return
    pull.refresh_from_db()
    try:
        version = _merged_version(pull, actor, content)
    except (InvalidPromptFile, ServiceError) as error:
        _hold(pull, actor, f"the merged file cannot be used: {error}")
        return
    if version.pk != pull.version_id:
        PullRequest.objects.filter(pk=pull.pk).update(merged_version=version)
    _serve(pull, version, actor)


@transaction.atomic
def pull_serve_held(pull: PullRequest) -> None:
    """Serve a merged version that was held, once somebody has approved it."""
    version = PromptVersion.objects.select_related("task__project").get(pk=pull.version_id)
    if pull.merged_version_id is None and version.review_state == ReviewState.APPROVED:
        _serve(pull, version, _reviewer(version))


def merger_actor(pull: PullRequest, merger: Person | None) -> Actor:
    """Return the approver whose git login this is, else an actor with git's word for a name."""
    project = pull.repository.task.project
    names = {merger.login, merger.name, merger.email} - {""} if merger else set()
    members = [
        user
        for user in User.objects.filter(memberships__project=project).exclude(git_login="")
        if user.git_login.casefold() in {name.casefold() for name in names}
    ]
    if len(members) == 1:
        actor = Actor.member(members[0], project)
        if actor.allows(role=Role.APPROVER):
            return actor
    known = (merger.login or merger.email or merger.name) if merger else ""
    label = f"git:{known or 'unknown'}"[:LONGEST_LABEL]
    return Actor(label, project.pk, is_system=True)


def approver_person(version: PromptVersion) -> Person:
    """Return whose name a merge by Kaizen carries: who approved."""
    user = version.reviewed_by
    if user is None:
        return Person("Kaizen")
    return Person(user.username, user.email or f"{user.username}@localhost.invalid")


def _kaizens_own(pull: PullRequest, merger: Person | None) -> Actor | None:
    """Return who approved, where the merge is the one that Kaizen made for them. Only a label."""
    version = PromptVersion.objects.select_related("task__project").get(pk=pull.version_id)
    is_ours = version.review_state == ReviewState.APPROVED and merger == approver_person(version)
    return _reviewer(version) if is_ours else None


def _merged_version(pull: PullRequest, actor: Actor, content: bytes | None) -> PromptVersion:
    if content is None:
        raise InvalidPromptFile(f"{pull.repository.path} is gone")
    version = PromptVersion.objects.select_related("task__project").get(pk=pull.version_id)
    artifact = read_prompt_file(content).artifact
    if artifact.hash == version.hash:
        return version
    edited, _ = version_create(
        actor=Actor.system(actor.project_id),
        task=version.task,
        artifact=artifact,
        parents=[version],
        author=actor.user,
        author_label=actor.label,
        change_reason=f"Edited in the pull request of version {version.number}.",
    )
    return edited


def _serve(pull: PullRequest, version: PromptVersion, actor: Actor) -> None:
    try:
        with transaction.atomic():
            _promote(pull, version, actor)
    except ServiceError as error:
        _hold(pull, actor, f"{error.code}: {error}")
    else:
        PullRequest.objects.filter(pk=pull.pk).update(held="")


def _promote(pull: PullRequest, version: PromptVersion, actor: Actor) -> None:
    reason = f"Merged as {pull.merge_sha[:12]}."
    is_approved = version.review_state == ReviewState.APPROVED
    if is_approved and version.task.project.serve_on == ServeOn.APPROVE:
        # The approval has made it live; whatever was done since then stands.
        return
    override = version.gates.filter(name=OVERRIDE).last() if is_approved else None
    version_promote(
        actor=_reviewer(version) if is_approved else actor,
        task=version.task,
        version=version,
        basis=_basis(pull, version, override),
        reason=override.reason if override else reason,
    )


def _basis(pull: PullRequest, version: PromptVersion, override: GateResult | None) -> GateBasis:
    allows = pull.repository.connection.merge_without_evidence == WithoutEvidence.ALLOW
    live = live_version(version.task)
    if override or (allows and evidence_objections(version, live)):
        return GateBasis.OVERRIDE
    return GateBasis.EVIDENCE if live else GateBasis.IMPORT


def _reviewer(version: PromptVersion) -> Actor:
    project = version.task.project
    user = version.reviewed_by
    return Actor.member(user, project) if user else Actor.system(project.pk)


def _hold(pull: PullRequest, actor: Actor, why: str) -> None:
    PullRequest.objects.filter(pk=pull.pk).update(held=why)
    audit_record(
        actor=actor,
        action="kaizen.pull.held",
        subject=pull,
        reason=why,
        version=pull.version.number,
        merge_sha=pull.merge_sha,
    )
