"""Approve, reject, approve without evidence, roll back and cancel, as a person's clicks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from kaizen_engine.states import JobState, ReviewState, Verdict
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.models import AuditEntry, Role, User
from prompts_app.models import PromptVersion, Tag
from prompts_app.services.change_notes import change_note_write
from prompts_app.services.review import version_approve, version_reject
from tests.admin.rooms import Room, cancel, decision, footprint, page
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory

SignIn = Callable[[User], Client]
NUL = "a\x00reason"


@pytest.fixture
def approver(maple: Room, sign_in: SignIn) -> Client:
    return sign_in(maple.people[Role.APPROVER])


def said(client: Client, place: str, **data: str) -> str:
    """Post, follow, and return the words the page greets with."""
    answer = client.post(place, data, follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def live(room: Room) -> int:
    return Tag.objects.get(task=room.proven.task, name="production").version_id


def actor(room: Room, role: Role = Role.APPROVER) -> Actor:
    return Actor.member(room.people[role], room.project)


def test_approving_makes_it_live_and_says_so(maple: Room, approver: Client) -> None:
    assert "is live" in said(approver, decision(maple.proven, "approve"), reason="reads well")
    assert live(maple) == maple.proven.pk
    moved = AuditEntry.objects.get(action="kaizen.prompt.tag_moved", reason="reads well")
    assert (moved.actor, moved.ip) == ("user:maple-approver", "127.0.0.1")
    assert moved.request_id


def test_the_page_of_an_approved_version_says_that_it_is_live(
    maple: Room, approver: Client
) -> None:
    answer = approver.post(decision(maple.proven, "approve"), follow=True)
    assert answer.context["page"].standing == "Live"
    assert decision(maple.proven, "approve") not in answer.content.decode()


def test_the_loser_of_a_race_is_told_the_state(maple: Room, approver: Client) -> None:
    version_approve(actor=actor(maple, Role.ADMIN), version=maple.proven)
    for name, reason in (("approve", ""), ("reject", "too late"), ("override", "too late")):
        words = said(approver, decision(maple.proven, name), reason=reason)
        assert "it is approved" in words
    assert live(maple) == maple.proven.pk


def test_approving_what_was_rejected_meanwhile_is_words(maple: Room, approver: Client) -> None:
    version_reject(actor=actor(maple, Role.ADMIN), version=maple.proven, reason="no")
    assert "it is rejected" in said(approver, decision(maple.proven, "approve"))
    assert live(maple) == maple.first.pk


def test_evidence_against_what_is_no_longer_live_is_words(maple: Room, approver: Client) -> None:
    rival = PromptVersionFactory(
        task=maple.proven.task, proven=maple.first, parents=[maple.first], system="Another way."
    )
    version_approve(actor=actor(maple, Role.ADMIN), version=rival)
    words = said(approver, decision(maple.proven, "approve"))
    assert "what is live now is not what the evidence was measured against" in words
    assert live(maple) == rival.pk


@pytest.mark.parametrize("name", ["reject", "override"])
@pytest.mark.parametrize("reason", ["", "   ", NUL, "x" * 501])
def test_a_reason_that_is_none_is_refused(
    name: str, reason: str, maple: Room, approver: Client
) -> None:
    before = footprint()
    assert "eason" in said(approver, decision(maple.proven, name), reason=reason)
    assert footprint() == before


def test_rejecting_keeps_the_reason_on_the_page(maple: Room, approver: Client) -> None:
    data = {"reason": "It forgets the <b>tone</b>."}
    answer = approver.post(decision(maple.proven, "reject"), data, follow=True)
    maple.proven.refresh_from_db()
    assert maple.proven.review_state == ReviewState.REJECTED
    assert "It forgets the &lt;b&gt;tone&lt;/b&gt;." in answer.content.decode()
    assert live(maple) == maple.first.pk


def test_without_evidence_only_an_override_goes_live(maple: Room, approver: Client) -> None:
    weak = PromptVersionFactory(
        task=maple.proven.task, system="A guess.", verdict=Verdict.NOT_ENOUGH_EVIDENCE.value
    )
    shown = approver.get(page(PromptVersion, "change", weak.pk))
    assert "the verdict is “not enough evidence”" in shown.context["page"].objections
    assert "cannot go live" in said(approver, decision(weak, "approve"))
    assert live(maple) == maple.first.pk
    assert "without the evidence" in said(approver, decision(weak, "override"), reason="urgent")
    assert live(maple) == weak.pk
    assert weak.gates.get(name="promotion").reason == "urgent"


@pytest.mark.parametrize("name", ["approve", "override"])
def test_the_author_is_told_that_another_person_decides(
    name: str, maple: Room, sign_in: SignIn
) -> None:
    maple.project.two_person_rule = True
    maple.project.save()
    author = maple.people[Role.APPROVER]
    own = PromptVersionFactory(
        task=maple.proven.task,
        proven=maple.first,
        parents=[maple.first],
        system="My own.",
        author=author,
    )
    client = sign_in(author)
    shown = client.get(page(PromptVersion, "change", own.pk)).content.decode()
    assert "somebody else than the author" in shown
    assert "cannot be the second person" in said(client, decision(own, name), reason="mine")
    assert live(maple) == maple.first.pk
    other = sign_in(maple.people[Role.ADMIN])
    assert "is live" in said(other, decision(own, "approve"))


def test_rolling_back_is_one_click_on_what_was_live(maple: Room, approver: Client) -> None:
    said(approver, decision(maple.proven, "approve"))
    shown = approver.get(page(PromptVersion, "change", maple.first.pk))
    assert shown.context["page"].standing == "Was live"
    assert decision(maple.first, "rollback") in shown.content.decode()
    assert "is live again" in said(approver, decision(maple.first, "rollback"))
    assert live(maple) == maple.first.pk


def test_rolling_back_to_what_was_never_live_is_words(maple: Room, approver: Client) -> None:
    assert "was never live" in said(approver, decision(maple.proven, "rollback"))
    assert live(maple) == maple.first.pk


def test_an_unknown_decision_is_a_404(maple: Room, approver: Client) -> None:
    assert approver.post(decision(maple.proven, "promote-to-moon")).status_code == 404


@pytest.mark.parametrize("pk", ["0", "nonsense", "99999999999999999999999", "1%00"])
def test_a_version_that_is_no_number_is_a_404(pk: str, approver: Client) -> None:
    place = decision(PromptVersion(pk=0), "approve").replace("/0/", f"/{pk}/")
    assert approver.post(place).status_code == 404


def test_cancelling_a_running_job_asks_its_worker(maple: Room, sign_in: SignIn) -> None:
    job: Any = maple.rows[Job]
    client = sign_in(maple.people[Role.EDITOR])
    assert "stops within seconds" in said(client, cancel(job), reason="too slow")
    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)
    shown = client.get(page(Job, "change", job.pk)).content.decode()
    assert "it was asked to stop" in shown


def test_cancelling_a_waiting_job_ends_it(maple: Room, sign_in: SignIn) -> None:
    Job.objects.all().delete()
    job = JobFactory(seed_version=maple.first)
    said(sign_in(maple.people[Role.EDITOR]), cancel(job))
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_cancelling_what_has_ended_is_words(maple: Room, sign_in: SignIn) -> None:
    job = JobFactory(seed_version=maple.first, succeeded=True)
    assert "it cannot be cancelled" in said(sign_in(maple.people[Role.EDITOR]), cancel(job))
    before = footprint()
    assert "Reason" in said(sign_in(maple.people[Role.EDITOR]), cancel(job), reason=NUL)
    assert footprint() == before


def test_a_changelog_names_the_model_that_wrote_it(maple: Room, approver: Client) -> None:
    change_note_write(version=maple.proven, text="Names <b>fees</b> too.", writer="demo/analyst")
    shown = approver.get(page(PromptVersion, "change", maple.proven.pk)).content.decode()
    assert "written by demo/analyst" in shown
    assert "Names &lt;b&gt;fees&lt;/b&gt; too." in shown
