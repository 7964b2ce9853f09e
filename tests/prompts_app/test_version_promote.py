import pytest

from kaizen_engine.states import GateBasis, Verdict
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry, Scope
from prompts_app.models import GateOutcome, ProjectRevision, Tag
from prompts_app.services.gates import gate_record
from prompts_app.services.tags import tag_rollback, version_promote
from prompts_app.signals import prompt_released
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory
from tests.prompts_app.conftest import key_actor

pytestmark = pytest.mark.django_db


def promote(actor, version, basis=GateBasis.EVIDENCE, **options):
    return version_promote(actor=actor, task=version.task, version=version, basis=basis, **options)


def live_number(task, tag="production"):
    return Tag.objects.get(task=task, name=tag).version.number


def test_the_first_version_goes_live_on_import(editor_actor, task):
    version = PromptVersionFactory(task=task)
    tag = promote(editor_actor, version, GateBasis.IMPORT)
    assert (tag.version, tag.revision, tag.project_revision) == (version, 1, 1)
    gate = version.gates.get()
    assert (gate.name, gate.basis, gate.tag, gate.replaced) == (
        "promotion",
        "import",
        "production",
        None,
    )


def test_import_is_refused_once_something_is_live(editor_actor, live):
    for tag in ("production", "staging"):
        with pytest.raises(Conflict) as caught:
            promote(editor_actor, PromptVersionFactory(task=live.task), GateBasis.IMPORT, tag=tag)
        assert caught.value.code == "already_live"


def test_a_move_leaves_a_gate_row_an_audit_entry_and_a_project_revision(
    approver_actor, live, proven
):
    tag = promote(approver_actor, proven, reason="Better by 12 points.")
    assert (tag.version, tag.revision) == (proven, 2)
    assert tag.project_revision == ProjectRevision.objects.get(project=live.task.project).revision
    gate = proven.gates.get(name="promotion")
    assert (gate.basis, gate.replaced, gate.reason, gate.actor, gate.outcome) == (
        "evidence",
        live,
        "Better by 12 points.",
        "user:approver",
        GateOutcome.PASSED,
    )
    entry = AuditEntry.objects.filter(action="kaizen.prompt.tag_moved").first()
    assert (entry.actor, entry.reason, entry.object_id) == (
        "user:approver",
        "Better by 12 points.",
        str(proven.public_id),
    )
    assert entry.data == {
        "tag": "production",
        "basis": "evidence",
        "number": 2,
        "replaced": 1,
        "revision": 2,
    }


def test_going_live_on_evidence_decides_the_review(approver_actor, proven):
    promote(approver_actor, proven)
    proven.refresh_from_db()
    assert (proven.review_state, proven.reviewed_by) == ("approved", approver_actor.user)


def test_a_version_that_is_live_already_changes_nothing(approver_actor, proven):
    first = promote(approver_actor, proven)
    again = promote(approver_actor, proven)
    assert again.revision == first.revision
    assert proven.gates.filter(name="promotion").count() == 1


@pytest.mark.parametrize(
    "verdict",
    [verdict for verdict in Verdict if verdict not in (Verdict.CONFIRMED, Verdict.LIKELY)],
)
def test_only_confirmed_and_likely_versions_go_live_on_evidence(approver_actor, live, verdict):
    version = PromptVersionFactory(task=live.task, proven=live, verdict=verdict.value)
    with pytest.raises(Conflict) as caught:
        promote(approver_actor, version)
    assert caught.value.code == "no_evidence"
    assert live_number(live.task) == 1


def test_being_live_is_no_evidence_for_another_tag(approver_actor, live):
    with pytest.raises(Conflict) as refused:
        version_promote(
            actor=approver_actor,
            task=live.task,
            version=live,
            tag="staging",
            basis=GateBasis.EVIDENCE,
        )
    assert refused.value.code == "no_evidence"
    assert not Tag.objects.filter(name="staging").exists()


def test_likely_is_enough(approver_actor, live):
    version = PromptVersionFactory(task=live.task, proven=live, verdict=Verdict.LIKELY.value)
    assert promote(approver_actor, version).version == version


def test_a_failed_gate_holds_until_it_passes(approver_actor, proven):
    gate_record(version=proven, name="segments", outcome=GateOutcome.FAILED)
    with pytest.raises(Conflict, match="segments") as caught:
        promote(approver_actor, proven)
    assert caught.value.code == "gate_failed"
    gate_record(version=proven, name="segments", outcome=GateOutcome.PASSED)
    gate_record(version=proven, name="red_team", outcome=GateOutcome.NOT_APPLICABLE)
    assert promote(approver_actor, proven).version == proven


@pytest.mark.parametrize("measured", ["0" * 64, None])
def test_evidence_for_another_text_does_not_count(approver_actor, live, measured):
    evidence = {"artifact_hash": measured, "parent": str(live.public_id)}
    version = PromptVersionFactory(task=live.task, proven=live, evidence=evidence)
    with pytest.raises(Conflict) as caught:
        promote(approver_actor, version)
    assert caught.value.code == "evidence_mismatch"


def test_evidence_against_what_was_live_earlier_is_stale(approver_actor, live, proven):
    later = PromptVersionFactory(task=live.task, proven=live, parents=[live])
    promote(approver_actor, later)
    with pytest.raises(Conflict) as caught:
        promote(approver_actor, proven)
    assert caught.value.code == "evidence_stale"


def test_evidence_for_another_model_is_stale(approver_actor, live):
    fresh = PromptVersionFactory.build(task=live.task, proven=live)
    evidence = {**fresh.evidence, "student": "elsewhere/other"}
    version = PromptVersionFactory(
        task=live.task, proven=live, artifact=fresh.artifact, evidence=evidence
    )
    with pytest.raises(Conflict) as caught:
        promote(approver_actor, version)
    assert caught.value.code == "evidence_stale"


def test_without_a_named_parent_the_parents_of_the_version_stand_for_it(approver_actor, live):
    draft = PromptVersionFactory.build(task=live.task, proven=live)
    options = {"artifact": draft.artifact, "evidence": {"artifact_hash": draft.hash}}
    version = PromptVersionFactory(task=live.task, proven=live, parents=[live], **options)
    assert promote(approver_actor, version).version == version


def test_an_override_needs_a_reason(approver_actor, live):
    version = PromptVersionFactory(task=live.task)
    with pytest.raises(InvalidInput) as caught:
        promote(approver_actor, version, GateBasis.OVERRIDE, reason="  ")
    assert caught.value.code == "reason_required"
    assert live_number(live.task) == 1


def test_an_override_shows_for_ever_what_it_passed_over(admin_actor, live):
    version = PromptVersionFactory(task=live.task)
    promote(admin_actor, version, GateBasis.OVERRIDE, reason="Legal asked for it.")
    gate = version.gates.get(name="promotion")
    assert (gate.basis, gate.reason) == ("override", "Legal asked for it.")
    assert any("not measured" in one for one in gate.figure["overridden"])


@pytest.mark.parametrize("basis", [GateBasis.EVIDENCE, GateBasis.OVERRIDE, GateBasis.ROLLBACK])
@pytest.mark.parametrize("name", ["viewer_actor", "editor_actor"])
def test_viewers_and_editors_move_no_tag(request, name, basis, proven):
    with pytest.raises(NotAllowed):
        promote(request.getfixturevalue(name), proven, basis, reason="I want to.")
    assert live_number(proven.task) == 1


def test_a_key_needs_the_scope_and_overrides_nothing(project, approver, live, proven):
    writer = key_actor(project, approver, Scope.PROMPT_WRITE)
    promoter = key_actor(project, approver, Scope.PROMPT_PROMOTE)
    with pytest.raises(NotAllowed):
        promote(writer, proven)
    with pytest.raises(NotAllowed) as caught:
        promote(
            promoter, PromptVersionFactory(task=live.task), GateBasis.OVERRIDE, reason="Because."
        )
    assert caught.value.code == "override_needs_a_person"
    assert promote(promoter, proven).version == proven


def test_another_project_sees_neither_task_nor_version(outsider_actor, approver_actor, proven):
    with pytest.raises(NotHere):
        promote(outsider_actor, proven)
    stranger = PromptVersionFactory()
    with pytest.raises(NotHere):
        version_promote(
            actor=approver_actor, task=proven.task, version=stranger, basis=GateBasis.EVIDENCE
        )


def test_a_move_seen_too_late_is_stale(approver_actor, proven):
    with pytest.raises(Conflict) as caught:
        promote(approver_actor, proven, expected_revision=7)
    assert caught.value.code == "stale"
    assert promote(approver_actor, proven, expected_revision=1).revision == 2


def test_a_rejected_version_does_not_go_live(approver_actor, live):
    version = PromptVersionFactory(task=live.task, proven=live, rejected=True)
    for basis in (GateBasis.EVIDENCE, GateBasis.OVERRIDE):
        with pytest.raises(Conflict) as caught:
            promote(approver_actor, version, basis, reason="All the same.")
        assert caught.value.code == "rejected"


@pytest.mark.parametrize("tag", ["", "a b", "a\x00b", "x" * 61, "-x", "production\n"])
def test_a_strange_tag_name_is_refused(approver_actor, proven, tag):
    with pytest.raises(InvalidInput):
        promote(approver_actor, proven, tag=tag)


def test_the_release_is_told_once_the_move_is_committed(
    approver_actor, proven, django_capture_on_commit_callbacks
):
    told = []

    def listen(**facts):
        told.append(facts)

    prompt_released.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            promote(approver_actor, proven)
            assert told == []
    finally:
        prompt_released.disconnect(listen)
    [facts] = told
    assert (facts["task_id"], facts["version_id"], facts["tag"], facts["revision"]) == (
        proven.task_id,
        proven.pk,
        "production",
        2,
    )


class TestRollback:
    def test_puts_back_what_was_live_before(self, approver_actor, live, proven):
        promote(approver_actor, proven)
        tag = tag_rollback(actor=approver_actor, task=live.task, reason="Complaints.")
        assert (tag.version, tag.revision) == (live, 3)
        gate = live.gates.last()
        assert (gate.basis, gate.replaced, gate.reason) == ("rollback", proven, "Complaints.")

    def test_asks_for_no_evidence_and_no_second_person(self, strict, approver, live, proven):
        promote(key_actor(strict, approver), proven)
        tag = tag_rollback(actor=key_actor(strict, None), task=live.task)
        assert tag.version == live

    def test_twice_goes_two_steps_back_and_not_forward(self, approver_actor, live, proven):
        promote(approver_actor, proven)
        third = PromptVersionFactory(task=live.task, proven=proven)
        promote(approver_actor, third)
        numbers = [
            tag_rollback(actor=approver_actor, task=live.task).version.number for _ in range(2)
        ]
        assert numbers == [2, 1]
        with pytest.raises(Conflict) as caught:
            tag_rollback(actor=approver_actor, task=live.task)
        assert caught.value.code == "nothing_before"

    def test_goes_only_to_a_version_that_was_live_under_the_tag(
        self, approver_actor, admin_actor, live, proven
    ):
        never = PromptVersionFactory(task=live.task)
        promote(admin_actor, never, GateBasis.OVERRIDE, tag="staging", reason="Try it.")
        with pytest.raises(Conflict) as caught:
            tag_rollback(actor=approver_actor, task=live.task, version=never)
        assert caught.value.code == "never_live"

    def test_names_a_version_that_was_live(self, approver_actor, live, proven):
        promote(approver_actor, proven)
        promote(approver_actor, PromptVersionFactory(task=live.task, proven=proven))
        assert tag_rollback(actor=approver_actor, task=live.task, version=live).version == live

    def test_of_a_task_with_nothing_live_has_nothing_before(self, approver_actor, project):
        with pytest.raises(Conflict):
            tag_rollback(actor=approver_actor, task=TaskFactory(project=project))
