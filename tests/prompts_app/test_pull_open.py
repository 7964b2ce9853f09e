"""A version worth proposing becomes a branch with one commit, and a row that says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from kaizen_engine.prompts.prompt_yml import read_prompt_file
from kaizen_engine.states import PullRequestState, Verdict
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from prompts_app.models import PullRequest
from prompts_app.selectors import versions_to_follow
from prompts_app.services.pulls import pull_follow, pull_propose
from prompts_app.services.repositories import git_connection_create, repository_connect
from prompts_app.services.review import version_reject
from prompts_app.worker import follow_version, tend_pulls
from tests.engine.git.repositories import git
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


def test_a_draft_is_proposed_as_one_commit_of_its_file(repository, proven, bare) -> None:
    pull = pull_follow(version=proven)
    assert (pull.state, pull.is_draft, pull.error) == (PullRequestState.OPEN, False, "")
    assert pull.head == f"kaizen/triage/{proven.hash[:12]}"
    assert git(bare, "rev-parse", pull.head) == pull.commit_sha
    assert git(bare, "diff", "--name-status", "main", pull.head) == f"A\t{repository.path}"
    written = git(bare, "show", f"{pull.head}:{repository.path}") + "\n"
    assert read_prompt_file(written.encode()).artifact.hash == proven.hash
    assert written == pull.content
    actions = AuditEntry.objects.filter(object_type="pullrequest").values_list("action", flat=True)
    assert sorted(actions) == ["kaizen.pull.open", "kaizen.pull.proposed"]


@pytest.mark.parametrize("lost", ["the record", "the branch", "the message"])
def test_a_crash_in_between_leaves_one_pull_request(repository, proven, bare, lost) -> None:
    first = pull_follow(version=proven)
    if lost == "the record":
        PullRequest.objects.update(state=PullRequestState.OPENING.value, commit_sha="")
    elif lost == "the branch":
        PullRequest.objects.update(state=PullRequestState.OPENING.value, commit_sha="")
        git(bare, "update-ref", "-d", f"refs/heads/{first.head}")
    tend_pulls()
    again = PullRequest.objects.get()
    assert again.state == PullRequestState.OPEN
    assert git(bare, "rev-parse", again.head) == again.commit_sha
    assert git(bare, "rev-list", "--count", f"main..{again.head}") == "1"
    assert (again.pk, again.content) == (first.pk, first.content)


def test_what_stands_beside_the_prompt_in_the_file_is_kept(repository, proven, alice) -> None:
    alice.write(
        repository.path,
        "name: Our triage\ndescription: by hand\nmessages: [{role: user, content: x}]\n"
        "testData:\n  - input: y\n",
    )
    alice.git("push", "--quiet", "origin", "main")
    file = read_prompt_file(pull_follow(version=proven).content.encode())
    assert (file.name, file.description) == ("Our triage", "by hand")
    assert file.extra == {"testData": [{"input": "y"}]}
    assert file.artifact.hash == proven.hash


def test_a_file_that_cannot_be_read_is_replaced(repository, proven, alice) -> None:
    alice.write(repository.path, "a: &x [*x]\n")
    alice.git("push", "--quiet", "origin", "main")
    assert pull_follow(version=proven).state == PullRequestState.OPEN


@pytest.mark.parametrize(
    ("verdict", "is_draft"),
    [
        (Verdict.CONFIRMED, False),
        (Verdict.LIKELY, True),
        (Verdict.BETTER_ON_REPORTED, True),
        (Verdict.NOT_ENOUGH_EVIDENCE, None),
        (Verdict.EQUAL, None),
        (Verdict.WORSE, None),
        (Verdict.NONE, None),
    ],
)
def test_the_verdict_says_what_is_proposed(repository, live, verdict, is_draft) -> None:
    version = PromptVersionFactory(task=live.task, proven=live, verdict=verdict.value)
    pull = pull_follow(version=version)
    assert (pull.is_draft if pull else None) == is_draft
    assert (version.pk in versions_to_follow()) == (is_draft is not None)


def test_the_sweep_opens_what_is_missing_and_nothing_else(
    repository, live, proven, approver_actor
) -> None:
    rejected = PromptVersionFactory(task=live.task, proven=live)
    version_reject(actor=approver_actor, version=rejected, reason="No.")
    old = PromptVersionFactory(task=live.task, proven=live)
    type(old).objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=1))
    assert versions_to_follow() == [proven.pk]
    assert tend_pulls() == 1
    assert list(PullRequest.objects.values_list("version", flat=True)) == [proven.pk]


def test_without_a_repository_nothing_is_proposed(proven) -> None:
    assert follow_version(proven.pk) == "nothing to propose"
    assert versions_to_follow() == []


def test_a_repository_out_of_reach_is_tried_again_when_it_is_time(repository, proven, bare) -> None:
    lock = bare / "refs" / "heads" / f"kaizen/triage/{proven.hash[:12]}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    pull = pull_follow(version=proven)
    assert (pull.state, pull.attempts) == (PullRequestState.OPENING, 1)
    assert "lock" in pull.error
    assert versions_to_follow() == []
    lock.unlink()
    PullRequest.objects.update(retry_at=timezone.now())
    assert tend_pulls() == 1
    assert PullRequest.objects.get().state == PullRequestState.OPEN


def test_a_branch_of_somebody_else_fails_and_can_be_tried_by_hand(
    repository, proven, alice, editor_actor, viewer_actor, bare
) -> None:
    head = f"kaizen/triage/{proven.hash[:12]}"
    alice.git("checkout", "--quiet", "-b", head)
    alice.write(repository.path, "mine\n")
    alice.git("push", "--quiet", "origin", head)
    pull = pull_follow(version=proven)
    assert pull.state == PullRequestState.FAILED
    assert "another content" in pull.error
    assert versions_to_follow() == []
    git(bare, "update-ref", "-d", f"refs/heads/{head}")
    with pytest.raises(NotAllowed):
        pull_propose(actor=viewer_actor, version=proven)
    assert pull_propose(actor=editor_actor, version=proven).state == PullRequestState.OPENING
    assert pull_follow(version=proven).state == PullRequestState.OPEN


def test_by_hand_any_version_that_is_not_rejected_may_be_proposed(
    repository, live, editor_actor, approver_actor, outsider_actor
) -> None:
    version = PromptVersionFactory(task=live.task)
    with pytest.raises(NotHere):
        pull_propose(actor=outsider_actor, version=version)
    pull_propose(actor=editor_actor, version=version)
    assert pull_follow(version=version).is_draft
    other = PromptVersionFactory(task=live.task)
    version_reject(actor=approver_actor, version=other, reason="No.")
    with pytest.raises(Conflict, match="rejected"):
        pull_propose(actor=editor_actor, version=other)


def test_kaizens_own_repository_begins_with_what_was_live(
    admin_actor, project, task, live, proven, data_dir
) -> None:
    connection = git_connection_create(actor=admin_actor, project=project, slug="own")
    repository = repository_connect(actor=admin_actor, task=task, connection=connection)
    version = PromptVersionFactory(task=task, proven=live, parents=[live])
    pull_follow(version=version)
    bare = data_dir / "git" / f"{connection.public_id}.git"
    before = git(bare, "show", f"main:{repository.path}") + "\n"
    assert read_prompt_file(before.encode()).artifact.hash == live.hash
    head = f"kaizen/triage/{version.hash[:12]}"
    assert git(bare, "for-each-ref", "--format=%(refname:short)").split() == [head, "main"]
    assert git(bare, "diff", "--name-status", "main", head) == f"M\t{repository.path}"


def test_only_an_admin_says_where_repositories_are(
    admin_actor, approver_actor, outsider_actor, project, task, other_project, data_dir
) -> None:
    with pytest.raises(NotAllowed):
        git_connection_create(actor=approver_actor, project=project, slug="own")
    with pytest.raises(NotHere):
        git_connection_create(actor=outsider_actor, project=project, slug="own")
    theirs = git_connection_create(actor=outsider_actor, project=other_project, slug="own")
    with pytest.raises(NotHere):
        repository_connect(actor=admin_actor, task=task, connection=theirs)
    ours = git_connection_create(actor=admin_actor, project=project, slug="own")
    with pytest.raises(NotAllowed):
        repository_connect(actor=approver_actor, task=task, connection=ours)
    repository_connect(actor=admin_actor, task=task, connection=ours)
    with pytest.raises(Conflict):
        repository_connect(actor=admin_actor, task=task, connection=ours)


@pytest.mark.parametrize(
    "url",
    [
        *("{data}/kaizen.sqlite3", "{data}/git/x.git", "{data}/repositories/elsewhere/x.git"),
        *("{data}/repositories/support/../elsewhere/x.git", "/etc", "file:///etc", "file://h/x"),
        *("{data}/repositories/support/link", "ext::sh -c id", "ssh://h/x", "git@h:x", "relative"),
        *("http://127.0.0.1:1/x", "http://169.254.169.254/x", "https://u:p@example.org/x", "-x"),
    ],
)
def test_places_outside_of_the_projects_own_are_refused(
    admin_actor, project, data_dir, url
) -> None:
    (data_dir / "repositories" / "support").mkdir(parents=True)
    (data_dir / "repositories" / "support" / "link").symlink_to("/etc")
    with pytest.raises(InvalidInput):
        git_connection_create(
            actor=admin_actor, project=project, slug="git", url=url.format(data=data_dir)
        )


@pytest.mark.parametrize(
    ("path", "base"),
    [
        *(("../x.prompt.yml", "main"), ("/x.prompt.yml", "main"), (".git/x.prompt.yml", "main")),
        *(("Makefile", "main"), ("x.prompt.yml", "-x"), ("x.prompt.yml", "a..b")),
    ],
)
def test_paths_and_branches_that_are_not_safe_are_refused(
    admin_actor, project, task, path, base
) -> None:
    connection = git_connection_create(actor=admin_actor, project=project, slug="own")
    with pytest.raises(InvalidInput):
        repository_connect(
            actor=admin_actor, task=task, connection=connection, path=path, base_branch=base
        )


def test_a_place_that_is_no_longer_allowed_is_not_written_to(
    repository, proven, bare, settings, data_dir
) -> None:
    repository.connection.url = "/etc"
    repository.connection.save()
    pull = pull_follow(version=proven)
    assert pull.state == PullRequestState.FAILED
    assert "must be under" in pull.error
