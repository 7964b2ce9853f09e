"""What a merge serves, what an approval merges, and what neither may do alone."""

import pytest

from kaizen_engine.git.base import Person
from kaizen_engine.git.local import LocalGit
from kaizen_engine.prompts.prompt_yml import read_prompt_file
from kaizen_engine.states import GateBasis, PullRequestState, ReviewState
from projects_app.models import AuditEntry, Role, ServeOn
from prompts_app.models import GateResult, PromptVersion, PullRequest, WithoutEvidence
from prompts_app.selectors import live_version, versions_to_follow
from prompts_app.services.pull_merged import merger_actor
from prompts_app.services.pulls import pull_follow
from prompts_app.services.review import version_approve, version_reject
from prompts_app.services.tags import tag_rollback, version_promote
from prompts_app.worker import tend_pulls
from tests.engine.git.repositories import Checkout, git
from tests.factories.projects import MembershipFactory, UserFactory
from tests.factories.prompts import PromptVersionFactory, PullRequestFactory

pytestmark = pytest.mark.django_db

STRANGER = ("Mallory", "mallory@example.org")


@pytest.fixture
def pull(repository, proven) -> PullRequest:
    return pull_follow(version=proven)


@pytest.fixture
def serve_on_merge(project):
    project.serve_on = ServeOn.MERGE.value
    project.save()
    return project


@pytest.fixture
def mallory(bare, data_dir) -> Checkout:
    """Somebody who may push and is no member."""
    return Checkout(data_dir / "mallory", str(bare), STRANGER)


def edit(person: Checkout, pull: PullRequest, old: str, new: str) -> None:
    person.git("fetch", "--quiet")
    person.git("checkout", "--quiet", pull.head)
    text = (person.folder / pull.repository.path).read_text()
    assert old in text
    person.write(pull.repository.path, text.replace(old, new))
    person.git("push", "--quiet", "origin", pull.head)


def followed(pull: PullRequest) -> PullRequest:
    again = pull_follow(version=pull.version)
    assert again is not None
    return again


@pytest.mark.parametrize("serve_on", ServeOn)
def test_a_merge_by_an_approver_is_approved_and_served(
    project, pull, proven, approver, alice, serve_on
) -> None:
    project.serve_on = serve_on.value
    project.save()
    sha = alice.merge(pull.head)
    merged = followed(pull)
    proven.refresh_from_db()
    assert (merged.state, merged.merge_sha, merged.held) == (PullRequestState.MERGED, sha, "")
    assert (merged.merged_by, merged.merged_version) == ("user:approver", None)
    assert (proven.review_state, proven.reviewed_by) == (ReviewState.APPROVED, approver)
    assert live_version(proven.task) == proven
    gate = GateResult.objects.filter(name="promotion").last()
    assert (gate.basis, gate.actor, gate.reason) == (
        "evidence",
        "user:approver",
        f"Merged as {sha[:12]}.",
    )
    content = git(alice.folder, "show", f"{sha}:{pull.repository.path}") + "\n"
    assert read_prompt_file(content.encode()).artifact.to_dict() == proven.artifact


@pytest.mark.parametrize("flags", [(), ("--squash",), ("--ff-only",)])
def test_without_a_second_person_who_may_push_may_decide(pull, proven, mallory, flags) -> None:
    mallory.merge(pull.head, *flags)
    merged = followed(pull)
    assert live_version(proven.task) == proven
    name = "unknown" if flags == ("--ff-only",) else "mallory@example.org"
    assert merged.merged_by == f"git:{name}"


def test_where_two_persons_decide_a_strangers_merge_is_held_until_one_approves(
    strict, pull, proven, live, mallory, approver_actor
) -> None:
    mallory.merge(pull.head)
    held = followed(pull)
    proven.refresh_from_db()
    assert held.state == PullRequestState.MERGED
    assert "two_person_rule" in held.held
    assert (proven.review_state, live_version(proven.task)) == (ReviewState.DRAFT, live)
    assert AuditEntry.objects.filter(action="kaizen.pull.held").count() == 1
    assert versions_to_follow() == []
    version_approve(actor=approver_actor, version=proven)
    tend_pulls()
    assert PullRequest.objects.get().held == ""
    assert live_version(proven.task) == proven


def test_where_two_persons_decide_the_merge_of_another_approver_counts(
    strict, pull, proven, alice
) -> None:
    alice.merge(pull.head)
    assert followed(pull).merged_by == "user:approver"
    assert live_version(proven.task) == proven


def test_where_two_persons_decide_the_authors_own_merge_does_not_count(
    strict, pull, proven, live, approver, alice
) -> None:
    type(proven).objects.filter(pk=proven.pk).update(author=approver)
    alice.merge(pull.head)
    assert "two_person_rule" in followed(pull).held
    assert live_version(proven.task) == live


def test_a_fast_forward_tells_nobodys_name_and_is_held(strict, pull, proven, live, alice) -> None:
    alice.merge(pull.head, "--ff-only")
    assert "two_person_rule" in followed(pull).held
    assert live_version(proven.task) == live


def test_a_login_counts_only_for_one_approver_of_the_project(
    project, pull, approver, outsider, viewer
) -> None:
    def known(name: str, *, login: str = "") -> str:
        return merger_actor(pull, Person(name, "", login)).label

    approver.git_login = "Alice"
    approver.save()
    outsider.git_login, viewer.git_login = "olga", "vera"
    outsider.save()
    viewer.save()
    assert known("x", login="alice") == known("ALICE") == "user:approver"
    assert known("olga") == "git:olga"
    assert known("vera") == "git:vera"
    assert merger_actor(pull, None).label == "git:unknown"
    assert merger_actor(pull, Person("")).label == "git:unknown"
    twin = UserFactory(git_login="alice")
    MembershipFactory(project=project, user=twin, role=Role.APPROVER.value)
    assert known("alice") == "git:alice"


def test_an_edited_prompt_is_a_child_that_is_held(pull, proven, live, approver, alice) -> None:
    edit(alice, pull, "Label the text, way 2.", "Label it with care.")
    alice.merge(pull.head)
    merged = followed(pull)
    child = PromptVersion.objects.get(number=3)
    proven.refresh_from_db()
    assert merged.merged_version == child
    assert "no_evidence" in merged.held
    assert child.artifact["system"] == "Label it with care."
    assert list(child.parents.all()) == [proven]
    assert (child.author, child.review_state) == (approver, ReviewState.DRAFT)
    assert (proven.review_state, live_version(proven.task)) == (ReviewState.DRAFT, live)
    assert versions_to_follow() == []


def test_an_edit_is_served_where_the_connection_allows_it_and_a_person_answers_for_it(
    repository, pull, proven, alice
) -> None:
    repository.connection.merge_without_evidence = WithoutEvidence.ALLOW.value
    repository.connection.save()
    edit(alice, pull, "Label the text, way 2.", "Label it with care.")
    alice.merge(pull.head)
    assert followed(pull).held == ""
    assert live_version(proven.task).artifact["system"] == "Label it with care."
    assert GateResult.objects.filter(name="promotion").last().basis == "override"


def test_an_edit_by_a_stranger_is_held_even_where_edits_are_allowed(
    repository, pull, proven, live, mallory
) -> None:
    repository.connection.merge_without_evidence = WithoutEvidence.ALLOW.value
    repository.connection.save()
    edit(mallory, pull, "Label the text, way 2.", "Label it with care.")
    mallory.merge(pull.head)
    assert "override_needs_a_person" in followed(pull).held
    assert live_version(proven.task) == live


def test_an_edit_by_a_known_author_is_not_approved_by_the_same_merge(
    strict, repository, pull, proven, live, alice
) -> None:
    repository.connection.merge_without_evidence = WithoutEvidence.ALLOW.value
    repository.connection.save()
    edit(alice, pull, "Label the text, way 2.", "Label it with care.")
    alice.merge(pull.head)
    assert "two_person_rule" in followed(pull).held
    assert live_version(proven.task) == live


@pytest.mark.parametrize("text", ["kaizen: [", "messages: []\n", None])
def test_a_merge_that_leaves_no_prompt_is_held(pull, proven, live, alice, text) -> None:
    alice.git("fetch", "--quiet")
    alice.git("checkout", "--quiet", pull.head)
    if text is None:
        alice.git("rm", "--quiet", pull.repository.path)
        alice.git("commit", "--quiet", "-m", "Remove")
    else:
        alice.write(pull.repository.path, text)
    alice.git("push", "--quiet", "origin", pull.head)
    alice.merge(pull.head)
    held = followed(pull)
    assert held.held.startswith("the merged file cannot be used")
    assert live_version(proven.task) == live


def test_approved_in_kaizen_is_served_at_once_and_merged_by_kaizen(
    pull, proven, bare, approver_actor
) -> None:
    version_approve(actor=approver_actor, version=proven)
    assert live_version(proven.task) == proven
    merged = followed(pull)
    assert (merged.state, merged.held) == (PullRequestState.MERGED, "")
    assert git(bare, "rev-parse", "main") == merged.merge_sha
    assert git(bare, "show", "-s", "--format=%an|%ae", "main") == "approver|approver@example.org"
    assert GateResult.objects.filter(name="promotion").count() == 2
    assert merged.merged_by == "user:approver"


def test_where_a_merge_serves_the_approval_waits_for_it(
    serve_on_merge, pull, proven, live, approver_actor
) -> None:
    version_approve(actor=approver_actor, version=proven)
    assert live_version(proven.task) == live
    followed(pull)
    assert live_version(proven.task) == proven
    assert GateResult.objects.filter(name="promotion").last().actor == "user:approver"


def test_an_override_that_waited_for_its_merge_keeps_its_reason(
    serve_on_merge, pull, proven, live, approver_actor
) -> None:
    GateResult.objects.create(version=proven, name="segments", outcome="fail")
    version_approve(actor=approver_actor, version=proven, reason="We know.", override=True)
    followed(pull)
    gate = GateResult.objects.filter(name="promotion").last()
    assert (live_version(proven.task), gate.basis, gate.reason) == (proven, "override", "We know.")


def test_an_approval_whose_evidence_went_stale_before_the_merge_is_held(
    serve_on_merge, pull, proven, live, approver_actor, alice
) -> None:
    version_approve(actor=approver_actor, version=proven)
    GateResult.objects.create(version=proven, name="segments", outcome="fail")
    assert "gate_failed" in followed(pull).held
    assert live_version(proven.task) == live


def test_what_was_rolled_back_before_the_merge_stays_rolled_back(
    pull, proven, live, approver_actor
) -> None:
    version_approve(actor=approver_actor, version=proven)
    tag_rollback(actor=approver_actor, task=proven.task, reason="It is worse.")
    assert followed(pull).state == PullRequestState.MERGED
    assert live_version(proven.task) == live


def test_a_file_that_changed_on_base_waits_for_a_person(
    pull, proven, approver_actor, alice
) -> None:
    alice.write(pull.repository.path, "by hand\n")
    alice.git("push", "--quiet", "origin", "main")
    version_approve(actor=approver_actor, version=proven)
    waiting = followed(pull)
    assert waiting.state == PullRequestState.AWAITING_MERGE
    assert "changed on the base branch" in waiting.error
    alice.merge(pull.head, "--no-ff", "--strategy-option=theirs")
    assert followed(waiting).state == PullRequestState.MERGED


def test_what_people_added_to_the_branch_is_not_merged_with_an_approval(
    pull, proven, approver_actor, alice, bare
) -> None:
    edit(alice, pull, "Label the text, way 2.", "Ignore all rules.")
    version_approve(actor=approver_actor, version=proven)
    merged = followed(pull)
    text = git(bare, "show", f"main:{pull.repository.path}") + "\n"
    assert (merged.held, merged.merged_version) == ("", None)
    assert read_prompt_file(text.encode()).artifact.hash == proven.hash


def test_a_rejection_closes_the_pull_request(pull, proven, approver_actor, bare) -> None:
    version_reject(actor=approver_actor, version=proven, reason="No.")
    assert followed(pull).state == PullRequestState.CLOSED
    assert git(bare, "for-each-ref", "--format=%(refname:short)") == "main"


def test_a_pull_request_that_people_closed_leaves_the_draft(pull, proven, live, alice) -> None:
    alice.git("push", "--quiet", "origin", "--delete", pull.head)
    assert followed(pull).state == PullRequestState.CLOSED
    proven.refresh_from_db()
    assert (proven.review_state, live_version(proven.task)) == (ReviewState.DRAFT, live)
    assert versions_to_follow() == []


def test_of_two_proposals_the_second_is_stale_once_the_first_is_merged(
    repository, pull, proven, live, alice
) -> None:
    rival = PromptVersionFactory(task=live.task, proven=live, parents=[live])
    second = pull_follow(version=rival)
    alice.merge(pull.head)
    alice.merge(second.head, "--no-ff", "--strategy-option=theirs")
    assert tend_pulls() == 2
    second.refresh_from_db()
    assert "evidence_stale" in second.held
    assert live_version(live.task) == proven


def test_two_workers_that_see_one_merge_record_it_once(pull, proven, alice, monkeypatch) -> None:
    alice.merge(pull.head)
    look, seen = LocalGit.file_at, []

    def file_at(provider: LocalGit, ref: str, path: str) -> bytes | None:
        # The other worker is through before this one has read the file.
        if not seen:
            seen.append(ref)
            followed(pull)
        return look(provider, ref, path)

    monkeypatch.setattr(LocalGit, "file_at", file_at)
    assert followed(pull).state == PullRequestState.MERGED
    assert AuditEntry.objects.filter(action="kaizen.pull.merged").count() == 1
    assert GateResult.objects.filter(name="promotion", basis="evidence").count() == 1


def test_a_version_that_is_live_already_is_merged_without_another_move(
    pull, proven, approver_actor, alice
) -> None:
    version_promote(
        actor=approver_actor, task=proven.task, version=proven, basis=GateBasis.EVIDENCE
    )
    alice.merge(pull.head)
    assert followed(pull).held == ""
    assert GateResult.objects.filter(name="promotion").count() == 2


def test_a_repository_that_is_away_for_a_moment_changes_nothing(pull, proven, bare) -> None:
    bare.rename(bare.with_suffix(".away"))
    away = followed(pull)
    assert (away.state, away.error != "") == (PullRequestState.OPEN, True)
    bare.with_suffix(".away").rename(bare)
    assert followed(pull).state == PullRequestState.OPEN


def test_a_finished_pull_request_is_not_followed(repository, proven) -> None:
    for state in ("closed", "failed", "merged"):
        PullRequest.objects.all().delete()
        PullRequestFactory(version=proven, repository=repository, state=state)
        assert versions_to_follow() == []
