import pytest

from kaizen_engine.states import GateBasis, ReviewState
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry, ServeOn
from prompts_app.models import PromptVersion, Tag
from prompts_app.services.review import version_approve, version_reject, version_submit
from prompts_app.services.tags import version_promote
from tests.factories.prompts import PromptVersionFactory
from tests.prompts_app.conftest import key_actor

pytestmark = pytest.mark.django_db

DRAFT, IN_REVIEW, APPROVED, REJECTED = ReviewState
LEGAL = {
    (DRAFT, IN_REVIEW),
    (DRAFT, APPROVED),
    (DRAFT, REJECTED),
    (IN_REVIEW, APPROVED),
    (IN_REVIEW, REJECTED),
}
MOVES = {
    IN_REVIEW: lambda actor, version: version_submit(actor=actor, version=version),
    APPROVED: lambda actor, version: version_approve(actor=actor, version=version),
    REJECTED: lambda actor, version: version_reject(actor=actor, version=version, reason="No."),
}


@pytest.mark.parametrize("after", MOVES)
@pytest.mark.parametrize("before", ReviewState)
def test_every_pair_of_review_states(approver_actor, live, before, after):
    version = PromptVersionFactory(task=live.task, proven=live, review_state=before.value)
    if (before, after) in LEGAL:
        MOVES[after](approver_actor, version)
        expected = after
    else:
        with pytest.raises(Conflict) as caught:
            MOVES[after](approver_actor, version)
        assert caught.value.code == "stale"
        assert before.value.replace("_", " ") in str(caught.value)
        expected = before
    version.refresh_from_db()
    assert version.review_state == expected


def test_approval_moves_production_and_is_audited(approver_actor, approver, proven):
    version_approve(actor=approver_actor, version=proven, reason="Reads well.")
    proven.refresh_from_db()
    assert (proven.review_state, proven.reviewed_by, proven.review_reason) == (
        "approved",
        approver,
        "Reads well.",
    )
    assert proven.reviewed_at is not None
    assert Tag.objects.get(task=proven.task).version == proven
    entry = AuditEntry.objects.get(action="kaizen.prompt.approved")
    assert (entry.actor, entry.reason) == ("user:approver", "Reads well.")


def test_where_a_merge_serves_approval_moves_no_tag(approver_actor, project, live, proven):
    project.serve_on = ServeOn.MERGE.value
    project.save()
    version_approve(actor=approver_actor, version=proven)
    assert Tag.objects.get(task=live.task).version == live


def test_approval_without_evidence_changes_nothing(approver_actor, live):
    version = PromptVersionFactory(task=live.task)
    with pytest.raises(Conflict) as caught:
        version_approve(actor=approver_actor, version=version)
    assert caught.value.code == "no_evidence"
    assert version.review_state == "draft"
    version.refresh_from_db()
    assert version.review_state == "draft"


def test_approval_without_evidence_takes_an_override_and_its_reason(approver_actor, live):
    version = PromptVersionFactory(task=live.task)
    with pytest.raises(InvalidInput) as caught:
        version_approve(actor=approver_actor, version=version, override=True)
    assert caught.value.code == "reason_required"
    version_approve(actor=approver_actor, version=version, override=True, reason="Legal text.")
    assert Tag.objects.get(task=live.task).version == version
    assert version.gates.get(name="promotion").basis == "override"


def test_approving_what_is_live_already_only_decides_the_review(approver_actor, live):
    version_approve(actor=approver_actor, version=live)
    live.refresh_from_db()
    assert live.review_state == "approved"
    assert Tag.objects.get(task=live.task).revision == 1


def test_the_first_version_of_a_task_can_be_approved(approver_actor, task):
    version = PromptVersionFactory(task=task)
    version_approve(actor=approver_actor, version=version)
    assert version.gates.get().basis == "import"


def test_the_loser_of_a_race_is_told_what_the_winner_decided(approver_actor, admin_actor, proven):
    seen_by_the_other = PromptVersion.objects.get(pk=proven.pk)
    version_approve(actor=approver_actor, version=proven)
    with pytest.raises(Conflict, match="approved") as caught:
        version_reject(actor=admin_actor, version=seen_by_the_other, reason="Too late.")
    assert caught.value.code == "stale"


def test_a_rejection_needs_a_reason(approver_actor, proven):
    with pytest.raises(InvalidInput) as caught:
        version_reject(actor=approver_actor, version=proven, reason=" ")
    assert caught.value.code == "reason_required"
    version_reject(actor=approver_actor, version=proven, reason="It invents refunds.")
    proven.refresh_from_db()
    assert (proven.review_state, proven.review_reason) == ("rejected", "It invents refunds.")


def test_what_is_live_cannot_be_rejected(approver_actor, live):
    with pytest.raises(Conflict) as caught:
        version_reject(actor=approver_actor, version=live, reason="No.")
    assert caught.value.code == "version_live"


@pytest.mark.parametrize("name", ["viewer_actor", "editor_actor"])
@pytest.mark.parametrize("move", [APPROVED, REJECTED])
def test_only_approvers_decide(request, name, move, proven):
    with pytest.raises(NotAllowed):
        MOVES[move](request.getfixturevalue(name), proven)


def test_viewers_do_not_submit_and_strangers_see_nothing(viewer_actor, outsider_actor, proven):
    with pytest.raises(NotAllowed):
        version_submit(actor=viewer_actor, version=proven)
    for move in MOVES.values():
        with pytest.raises(NotHere):
            move(outsider_actor, proven)


class TestTwoPersonRule:
    @pytest.fixture
    def own(self, strict, live, approver):
        """A proven version that the approver wrote."""
        return PromptVersionFactory(
            task=live.task, proven=live, author=approver, author_label="user:approver"
        )

    def refused(self, actor, version):
        for decide in (
            lambda: version_approve(actor=actor, version=version),
            lambda: version_approve(actor=actor, version=version, override=True, reason="Mine."),
            lambda: version_promote(
                actor=actor, task=version.task, version=version, basis=GateBasis.EVIDENCE
            ),
        ):
            with pytest.raises(NotAllowed) as caught:
                decide()
            assert caught.value.code == "two_person_rule"
        version.refresh_from_db()
        assert version.review_state == "draft"
        return True

    def test_the_author_decides_nothing(self, approver_actor, own):
        assert self.refused(approver_actor, own)

    def test_nor_does_a_key_that_the_author_created(self, strict, approver, own):
        key = key_actor(strict, approver)
        with pytest.raises(NotAllowed) as caught:
            version_approve(actor=key, version=own)
        assert caught.value.code == "two_person_rule"

    def test_nor_the_key_that_wrote_it(self, strict, admin_member, live):
        key = key_actor(strict, admin_member)
        written = PromptVersionFactory(task=live.task, proven=live, author_label=key.label)
        with pytest.raises(NotAllowed):
            version_approve(actor=key, version=written)

    def test_nor_anybody_that_is_no_person(self, strict, system_actor, own):
        assert self.refused(system_actor, own)
        with pytest.raises(NotAllowed):
            version_approve(actor=key_actor(strict, None), version=own)

    def test_another_approver_does(self, admin_actor, own):
        version_approve(actor=admin_actor, version=own)
        assert Tag.objects.get(task=own.task).version == own

    def test_a_key_of_another_person_does(self, strict, admin_member, own):
        version_approve(actor=key_actor(strict, admin_member), version=own)
        assert Tag.objects.get(task=own.task).version == own

    def test_an_automatic_version_takes_one_approver(self, strict, approver_actor, proven):
        version_approve(actor=approver_actor, version=proven)
        assert Tag.objects.get(task=proven.task).version == proven

    def test_an_author_may_reject_the_own_version(self, approver_actor, own):
        version_reject(actor=approver_actor, version=own, reason="I was wrong.")
        assert own.review_state == "rejected"

    def test_without_the_rule_the_author_decides_alone(self, strict, approver_actor, own):
        strict.two_person_rule = False
        strict.save()
        version_approve(actor=approver_actor, version=own)
        assert own.review_state == "approved"
