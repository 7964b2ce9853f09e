"""Git in the admin: refusals stand beside their fields, a proposal is read and made again."""

from collections.abc import Callable

import pytest
from django.test import Client

from kaizen_engine.states import PullRequestState
from projects_app.models import AuditEntry, Role, User
from prompts_app.models import GitConnection, PromptVersion, PullRequest, Repository
from tests.admin.forms import git_data, repository_data
from tests.admin.rooms import Room, footprint, page, propose, propose_version
from tests.admin.test_forms import errors
from tests.factories.projects import MembershipFactory
from tests.factories.prompts import GateResultFactory, GitConnectionFactory

SignIn = Callable[[User], Client]


@pytest.fixture
def boss(maple: Room, sign_in: SignIn) -> Client:
    return sign_in(maple.people[Role.ADMIN])


@pytest.fixture
def editor(maple: Room, sign_in: SignIn) -> Client:
    return sign_in(maple.people[Role.EDITOR])


def test_a_task_gets_its_file_in_a_repository_of_its_own(maple: Room, boss: Client) -> None:
    boss.post(page(GitConnection, "add"), git_data(maple, merge_without_evidence="allow"))
    made = GitConnection.objects.get(slug="made-here")
    assert (made.project, made.url, made.merge_without_evidence) == (maple.project, "", "allow")
    boss.post(page(Repository, "add"), repository_data(maple, connection=made.pk))
    repository = Repository.objects.get(connection=made)
    assert repository.path == f"prompts/{repository.task.slug}.prompt.yml"
    told = AuditEntry.objects.filter(action__startswith="kaizen.git.").values_list("actor")
    assert {actor for (actor,) in told} == {f"user:{maple.people[Role.ADMIN].username}"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "/etc"),
        ("url", "git@host:one.git"),
        ("url", "http://127.0.0.1/one.git"),
        ("slug", "not a slug"),
        ("merge_without_evidence", "perhaps"),
    ],
)
def test_a_place_that_cannot_be_is_refused_beside_its_field(
    field: str, value: str, maple: Room, boss: Client
) -> None:
    before = footprint()
    answer = boss.post(page(GitConnection, "add"), git_data(maple, **{field: value}))
    assert list(errors(answer)) == [field]
    assert footprint() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "../outside.prompt.yml"),
        ("path", "prompt.txt"),
        ("base_branch", "no branch"),
        ("base_branch", ""),
    ],
)
def test_a_file_that_cannot_be_is_refused_beside_its_field(
    field: str, value: str, maple: Room, boss: Client
) -> None:
    answer = boss.post(page(Repository, "add"), repository_data(maple, **{field: value}))
    assert list(errors(answer)) == [field]


def test_what_is_taken_is_said_and_changes_nothing(maple: Room, boss: Client) -> None:
    taken = git_data(maple, slug=maple.rows[GitConnection].slug)
    assert "already exists" in errors(boss.post(page(GitConnection, "add"), taken))["__all__"]
    same = repository_data(maple, path=maple.rows[Repository].path)
    assert "another prompt" in errors(boss.post(page(Repository, "add"), same))["__all__"]


def test_another_projects_connection_is_no_choice(maple: Room, boss: Client) -> None:
    foreign = repository_data(maple, connection=GitConnectionFactory().pk)
    assert list(errors(boss.post(page(Repository, "add"), foreign))) == ["connection"]


def test_a_viewer_there_who_is_admin_here_connects_no_task_there(
    maple: Room, zebra: Room, boss: Client
) -> None:
    user = maple.people[Role.ADMIN]
    MembershipFactory(project=zebra.project, user=user, role=Role.VIEWER.value)
    refused = errors(boss.post(page(Repository, "add"), repository_data(zebra)))
    assert set(refused) == {"task", "connection"}


def test_a_failed_proposal_is_made_again(maple: Room, editor: Client) -> None:
    pull = maple.rows[PullRequest]
    shown = editor.get(page(PullRequest, "change", pull.pk)).content.decode()
    assert propose(pull) in shown
    assert pull.error in shown
    assert editor.get(propose(pull)).status_code == 405
    answer = editor.post(propose(pull), follow=True).content.decode()
    assert "Proposed again" in answer
    pull.refresh_from_db()
    assert pull.state == PullRequestState.OPENING
    assert propose(pull) not in answer


def test_a_rejected_version_is_not_proposed_again(maple: Room, editor: Client) -> None:
    PromptVersion.objects.filter(pk=maple.proven.pk).update(review_state="rejected")
    answer = editor.post(propose(maple.rows[PullRequest]), follow=True).content.decode()
    assert "was rejected" in answer
    assert PullRequest.objects.get().state == PullRequestState.FAILED


@pytest.mark.parametrize("pk", ["zebra", "nothing"])
def test_a_stranger_proposes_nothing(pk: str, maple: Room, zebra: Room, sign_in: SignIn) -> None:
    before = footprint()
    place = propose(zebra.rows[PullRequest])
    if pk == "nothing":
        place = place.replace(f"/{zebra.rows[PullRequest].pk}/", "/999999/")
    assert sign_in(maple.people[Role.ADMIN]).post(place).status_code == 404
    assert footprint() == before


def test_a_draft_without_a_pull_request_is_proposed_by_a_button(
    maple: Room, editor: Client
) -> None:
    PullRequest.objects.all().delete()
    place = page(PromptVersion, "change", maple.proven.pk)
    assert propose_version(maple.proven) in editor.get(place).content.decode()
    assert editor.get(propose_version(maple.proven)).status_code == 405
    answer = editor.post(propose_version(maple.proven), follow=True).content.decode()
    assert "the pull request is opened within a minute" in answer
    pull = PullRequest.objects.get()
    assert (pull.version, pull.state) == (maple.proven, PullRequestState.OPENING)
    assert propose_version(maple.proven) not in answer
    assert pull.head in answer


def test_the_button_is_for_editors_where_there_is_a_repository_and_no_rejection(
    maple: Room, editor: Client, sign_in: SignIn
) -> None:
    place, offer = page(PromptVersion, "change", maple.proven.pk), propose_version(maple.proven)
    assert offer not in editor.get(place).content.decode(), "it has a pull request"
    PullRequest.objects.all().delete()
    viewer = sign_in(maple.people[Role.VIEWER])
    assert offer not in viewer.get(place).content.decode()
    assert viewer.post(offer).status_code == 403
    PromptVersion.objects.filter(pk=maple.proven.pk).update(review_state="rejected")
    assert offer not in editor.get(place).content.decode()
    assert "was rejected" in editor.post(offer, follow=True).content.decode()
    PromptVersion.objects.filter(pk=maple.proven.pk).update(review_state="draft")
    Repository.objects.all().delete()
    assert offer not in editor.get(place).content.decode()
    assert "has no repository" in editor.post(offer, follow=True).content.decode()
    assert not PullRequest.objects.exists()


@pytest.mark.parametrize("pk", ["zebra", "nothing"])
def test_a_stranger_proposes_no_version(pk: str, maple: Room, zebra: Room, sign_in: SignIn) -> None:
    before = footprint()
    place = propose_version(zebra.first)
    if pk == "nothing":
        place = place.replace(f"/{zebra.first.pk}/", "/999999/")
    assert sign_in(maple.people[Role.ADMIN]).post(place).status_code == 404
    assert footprint() == before


def test_the_body_is_shown_as_text_and_the_reason_of_a_hold(maple: Room, boss: Client) -> None:
    PullRequest.objects.update(state="merged", held="the evidence is for another text")
    shown = boss.get(page(PullRequest, "change", maple.rows[PullRequest].pk)).content.decode()
    assert "<pre>&lt;b&gt;maple&lt;/b&gt;</pre>" in shown
    assert "the evidence is for another text" in shown


def test_a_version_shows_its_pull_request_and_calls_an_override_by_name(
    maple: Room, boss: Client
) -> None:
    GateResultFactory(version=maple.proven, name="override")
    shown = boss.get(page(PromptVersion, "change", maple.proven.pk)).content.decode()
    pull = maple.rows[PullRequest]
    assert pull.head in shown
    assert page(PullRequest, "change", pull.pk) in shown
    assert "Approved without the evidence" in shown
