"""Promote, override, reject, edit and roll back from the pages, by members with no staff rights."""

import pytest
from django.urls import reverse

from kaizen_engine.states import Verdict
from projects_app.models import AuditEntry, Role, ServeOn, User
from prompts_app.models import PromptVersion, PullRequest, Tag
from prompts_app.services.review import version_approve, version_reject
from tests.factories.projects import MembershipFactory, UserFactory
from tests.factories.prompts import PromptVersionFactory, RepositoryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def plain(project):
    """An approver who may not enter the admin."""
    user = UserFactory(username="plain")
    MembershipFactory(project=project, user=user, role=Role.APPROVER.value)
    return user


@pytest.fixture
def page(client, plain):
    client.force_login(plain)
    return client


def pair(name, version, before=1):
    task = version.task
    return reverse(f"prompts:{name}", args=(task.project.slug, task.slug, before, version.number))


def one(name, version):
    task = version.task
    return reverse(f"prompts:{name}", args=(task.project.slug, task.slug, version.number))


def live_number(task):
    return Tag.objects.get(task=task, name="production").version.number


def test_promoting_takes_no_staff_rights_and_keeps_the_reason(page, proven):
    shown = page.get(pair("compare", proven)).content.decode()
    assert "Version 2 replaces version 1, which is live now." in shown
    data = {"reason": "Reads well.", "seen": "1"}
    answer = page.post(pair("promote", proven), data, follow=True)
    assert "live: clients get it within 15 seconds" in answer.content.decode()
    assert answer.redirect_chain == [(pair("compare", proven), 302)]
    assert live_number(proven.task) == 2
    entry = AuditEntry.objects.get(action="kaizen.prompt.tag_moved", reason="Reads well.")
    assert (entry.actor, entry.data["replaced"]) == ("user:plain", 1)


def test_without_script_each_decision_has_a_page(page, proven):
    for name in ("promote", "reject", "override"):
        answer = page.get(pair(name, proven))
        assert answer.status_code == 200
        assert answer.content.decode().count("<h1") == 1
    assert live_number(proven.task) == 1


def test_a_merge_serving_project_says_when_it_goes_live(page, project, proven):
    project.serve_on = ServeOn.MERGE.value
    project.save()
    assert "when its pull request is merged" in page.get(pair("promote", proven)).content.decode()
    answer = page.post(pair("promote", proven), {"seen": "1"}, follow=True)
    assert "It goes live when its pull request is merged" in answer.content.decode()
    assert live_number(proven.task) == 1


def test_what_was_promoted_meanwhile_is_a_conflict_in_words(page, admin_actor, live, proven):
    rival = PromptVersionFactory(task=live.task, proven=live, parents=[live], system="Rival.")
    version_approve(actor=admin_actor, version=rival)
    answer = page.post(pair("promote", proven), {"seen": "1", "reason": "mine"})
    words = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody changed what is live meanwhile: version 3 is live now" in words
    assert "Reload the comparison" in words
    assert "stale" in words
    assert live_number(live.task) == 3
    proven.refresh_from_db()
    assert proven.review_state == "draft"


@pytest.mark.parametrize("name", ["promote", "override", "reject"])
def test_the_loser_of_a_race_learns_what_was_decided(page, admin_actor, proven, name):
    version_reject(actor=admin_actor, version=proven, reason="No.")
    answer = page.post(pair(name, proven), {"reason": "late", "seen": "1"})
    assert answer.status_code == 409
    assert "it is rejected" in answer.content.decode()


def test_a_failed_check_disables_promoting_and_an_override_keeps_its_reason(page, live):
    weak = PromptVersionFactory(
        task=live.task,
        parents=[live],
        system="A guess.",
        verdict=Verdict.NOT_ENOUGH_EVIDENCE.value,
    )
    shown = page.get(pair("compare", weak)).content.decode()
    assert "Not ready to promote" in shown
    assert "The verdict is “not enough evidence”" in shown
    refused = page.post(pair("promote", weak), {"seen": "1"})
    assert refused.status_code == 409
    assert "cannot go live" in refused.content.decode()
    without = page.post(pair("override", weak), {"seen": "1"})
    assert without.status_code == 400
    assert "An override needs a reason" in without.content.decode()
    page.post(pair("override", weak), {"seen": "1", "reason": "Legal text."})
    assert live_number(live.task) == 2
    assert weak.gates.get(name="promotion").reason == "Legal text."
    shown = page.get(pair("compare", weak)).content.decode()
    assert "Passed over:" in shown


@pytest.mark.parametrize("reason", ["", "   ", "a\x00b", "x" * 501])
def test_a_rejection_without_a_proper_reason_is_refused_at_its_field(page, proven, reason):
    answer = page.post(pair("reject", proven), {"reason": reason})
    assert answer.status_code == 400
    words = answer.content.decode()
    assert 'aria-describedby="reject-reason-error"' in words
    assert 'role="alert"' in words
    proven.refresh_from_db()
    assert proven.review_state == "draft"


def test_a_rejection_says_why_for_ever(page, proven):
    answer = page.post(pair("reject", proven), {"reason": "It <b>invents</b>."}, follow=True)
    assert "It &lt;b&gt;invents&lt;/b&gt;." in answer.content.decode()
    assert AuditEntry.objects.get(action="kaizen.prompt.rejected").reason == "It <b>invents</b>."


class TestTwoPersons:
    @pytest.fixture
    def own(self, strict, live, plain):
        return PromptVersionFactory(
            task=live.task, proven=live, parents=[live], author=plain, author_label="user:plain"
        )

    def test_the_author_is_refused_in_words_and_by_code(self, page, own):
        shown = page.get(pair("compare", own)).content.decode()
        assert "somebody else than the author" in shown
        for name in ("promote", "override"):
            answer = page.post(pair(name, own), {"reason": "mine", "seen": "1"})
            assert answer.status_code == 403
            assert "cannot be the second person" in answer.content.decode()
            assert "two_person_rule" in answer.content.decode()
        assert live_number(own.task) == 1

    def test_an_editor_of_a_draft_is_the_author_of_the_edit(self, page, strict, proven, live):
        data = {"system": "Edited.", "user_template": proven.artifact["user_template"]}
        page.post(one("edit", proven), data)
        edited = PromptVersion.objects.get(number=3)
        answer = page.post(pair("override", edited), {"reason": "mine", "seen": "1"})
        assert answer.status_code == 403
        assert live_number(live.task) == 1

    def test_another_approver_decides(self, client, own, admin_member):
        client.force_login(admin_member)
        assert client.post(pair("promote", own), {"seen": "1"}).status_code == 302
        assert live_number(own.task) == 2


def test_an_edit_is_a_child_that_is_evaluated_first(page, plain, live, proven):
    shown = page.get(one("edit", proven)).content.decode()
    assert "It is evaluated first" in shown
    # A field of one line would join the lines of a prompt.
    assert shown.count("<textarea") == 2
    typed = {
        "system": "Name the label.\r\nNothing else.",
        "user_template": proven.artifact["user_template"],
        "reason": "Shorter.",
    }
    answer = page.post(one("edit", proven), typed)
    edited = PromptVersion.objects.get(task=live.task, number=3)
    assert answer.url == reverse("jobs:evaluate", args=("support", "triage", 3))
    assert edited.artifact["system"] == "Name the label.\nNothing else."
    assert list(edited.parents.all()) == [proven]
    assert (edited.author, edited.change_reason) == (plain, "Shorter.")
    assert (edited.verdict, edited.review_state) == ("none", "draft")
    refused = page.post(pair("promote", edited), {"seen": "1"})
    assert refused.status_code == 409
    assert "no_evidence" in refused.content.decode()
    assert live_number(live.task) == 1


def test_an_edit_that_changes_nothing_is_refused(page, proven):
    same = {name: proven.artifact[name] for name in ("system", "user_template")}
    answer = page.post(one("edit", proven), same)
    assert answer.status_code == 409
    assert "unchanged" in answer.content.decode()
    wrong = page.post(one("edit", proven), {"system": "x", "user_template": ""})
    assert wrong.status_code == 400
    assert 'class="kz-problem"' in wrong.content.decode()
    assert PromptVersion.objects.count() == 2


def test_an_edit_back_to_a_known_text_leads_to_that_version(page, live, proven):
    same = {name: live.artifact[name] for name in ("system", "user_template")}
    answer = page.post(one("edit", proven), same, follow=True)
    assert "it is version 1" in answer.content.decode()
    assert PromptVersion.objects.count() == 2


def test_rolling_back_is_one_click_never_gated_and_audited(page, proven, live):
    page.post(pair("promote", proven), {"seen": "1"})
    shown = page.get(pair("compare", proven)).content.decode()
    assert "Roll back to version 1" in shown
    back = {"next": pair("compare", proven), "seen": "2"}
    answer = page.post(one("rollback", live), back, follow=True)
    assert "version 1 is live again" in answer.content.decode()
    assert live_number(live.task) == 1
    assert AuditEntry.objects.filter(data__basis="rollback", actor="user:plain").count() == 1
    forward = page.get(pair("compare", proven)).content.decode()
    assert "Roll back to version 2" in forward


def test_rolling_back_what_moved_meanwhile_is_a_conflict_in_words(page, proven, live):
    page.post(pair("promote", proven), {"seen": "1"})
    answer = page.post(one("rollback", live), {"seen": "1", "next": "//evil.example/"})
    assert answer.status_code == 409
    assert "meanwhile" in answer.content.decode()
    assert "evil.example" not in answer.content.decode()
    never = PromptVersionFactory(task=live.task)
    answer = page.post(one("rollback", never), {})
    assert answer.status_code == 409
    assert "never_live" in answer.content.decode()
    assert live_number(live.task) == 2


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_who_may_not_decide_is_refused(client, request, who, proven, live):
    client.force_login(request.getfixturevalue(who))
    for name in ("promote", "override", "reject"):
        assert client.get(pair(name, proven)).status_code == 403
        assert client.post(pair(name, proven), {"reason": "r"}).status_code == 403
    assert client.post(one("rollback", live)).status_code == 403
    expected = 200 if who == "editor" else 403
    assert client.get(one("edit", proven)).status_code == expected
    assert live_number(live.task) == 1


def test_other_tenants_find_nothing_to_decide(client, outsider: User, proven, live):
    client.force_login(outsider)
    for name in ("promote", "override", "reject"):
        assert client.post(pair(name, proven), {"reason": "r"}).status_code == 404
    assert client.post(one("edit", proven), {}).status_code == 404
    assert client.post(one("rollback", live)).status_code == 404


def test_an_editor_proposes_a_version_that_has_no_pull_request(client, editor, proven, viewer):
    RepositoryFactory(task=proven.task)
    client.force_login(editor)
    shown = client.get(pair("compare", proven)).content.decode()
    assert one("propose", proven) in shown
    client.post(one("propose", proven), {"next": pair("compare", proven)})
    pull = proven.pulls.get()
    PullRequest.objects.update(url="javascript:alert(1)", title="<b>Propose</b>")
    shown = client.get(pair("compare", proven)).content.decode()
    assert "&lt;b&gt;Propose&lt;/b&gt;" in shown
    assert "javascript:" not in shown
    PullRequest.objects.update(url="https://git.example/1")
    assert 'href="https://git.example/1"' in client.get(pair("compare", proven)).content.decode()
    client.force_login(viewer)
    assert client.post(one("propose", proven)).status_code == 403
    assert pull.state == "opening"
