"""Settings by page: rules and budgets, members and roles, keys that are shown once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from projects_app.models import ApiKey, AuditEntry, Membership, Project
from projects_app.services.keys import api_key_find
from tests.factories.projects import ApiKeyFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def address(name, **kwargs):
    return reverse(f"settings:{name}", kwargs={"project": "support", **kwargs})


def rules(**changes):
    return {"name": "Support", "serve_on": "approve", "confirm_over_usd": "5"} | changes


def test_an_admin_changes_rules_and_budgets_and_the_trail_has_both_values(
    client, admin_member, project
):
    client.force_login(admin_member)
    assert client.get(address("page")).status_code == 200
    typed = rules(two_person_rule="on", daily_budget_usd="12.50", confirm_over_usd="")
    assert client.post(address("page"), typed).status_code == 302
    project.refresh_from_db()
    assert (project.two_person_rule, project.daily_budget_usd) == (True, Decimal("12.5"))
    assert project.confirm_over_usd is None
    data = AuditEntry.objects.get(action="kaizen.project.updated").data
    assert data["before"]["two_person_rule"] is False
    assert (data["before"]["daily_budget_usd"], data["daily_budget_usd"]) == (None, "12.50")
    client.post(
        address("page"), rules(two_person_rule="on", daily_budget_usd="12.5", confirm_over_usd="")
    )
    assert AuditEntry.objects.filter(action="kaizen.project.updated").count() == 1


@pytest.mark.parametrize(
    "changes", [{"daily_budget_usd": "-1"}, {"name": ""}, {"serve_on": "never"}]
)
def test_what_cannot_be_is_said_at_its_field_and_changes_nothing(
    client, admin_member, project, changes
):
    client.force_login(admin_member)
    answer = client.post(address("page"), rules(**changes))
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_everybody_reads_the_rules_and_only_admins_change_them(client, approver, outsider):
    client.force_login(approver)
    page = client.get(address("page")).content.decode()
    assert "Only an admin of the project changes these." in page
    assert client.post(address("page"), rules(name="Mine")).status_code == 403
    client.force_login(outsider)
    assert client.get(address("page")).status_code == 404
    assert not Project.objects.filter(name="Mine").exists()


def test_a_member_is_added_by_name_or_email_changed_and_removed(client, admin_member, project):
    ann = UserFactory(username="ann", email="ann@example.org")
    client.force_login(admin_member)
    client.post(address("member-add"), {"who": "ANN@example.org", "role": "viewer"})
    member = Membership.objects.get(project=project, user=ann)
    client.post(address("member-role", member_id=member.pk), {"role": "editor"})
    entry = AuditEntry.objects.filter(action="kaizen.member.set").first()
    assert (entry.data["before"], entry.data["role"]) == ({"role": "viewer"}, "editor")
    assert "ann" in client.get(address("members"), {"q": "an"}).content.decode()
    client.post(address("member-remove", member_id=member.pk))
    assert not Membership.objects.filter(user=ann).exists()


def test_a_name_nobody_has_is_said_at_its_field(client, admin_member):
    client.force_login(admin_member)
    answer = client.post(address("member-add"), {"who": HOSTILE, "role": "viewer"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Nobody here is called that." in page
    assert HOSTILE not in page


def test_the_last_admin_stays(client, admin_member, project):
    member = Membership.objects.get(user=admin_member)
    client.force_login(admin_member)
    for name, typed in (("member-role", {"role": "viewer"}), ("member-remove", {})):
        answer = client.post(address(name, member_id=member.pk), typed, follow=True)
        assert "a project keeps at least one admin" in answer.content.decode()
    assert Membership.objects.get(user=admin_member).role == "admin"


def test_a_member_of_another_project_is_not_there(client, admin_member, outsider):
    other = Membership.objects.get(user=outsider)
    client.force_login(admin_member)
    assert client.post(address("member-remove", member_id=other.pk)).status_code == 404
    assert Membership.objects.filter(pk=other.pk).exists()


def test_only_admins_change_members_and_see_keys(client, approver, project):
    member = MembershipFactory(project=project)
    key = ApiKeyFactory(project=project)
    client.force_login(approver)
    assert client.get(address("members")).status_code == 200
    assert client.get(address("keys")).status_code == 403
    doors = (
        (address("member-add"), {"who": "x", "role": "admin"}),
        (address("member-role", member_id=member.pk), {"role": "admin"}),
        (address("member-remove", member_id=member.pk), {}),
        (address("keys"), {"name": "x", "scopes": ["prompt:read"], "days": 30}),
        (address("key-revoke", key_id=key.public_id), {}),
    )
    assert {client.post(url, typed).status_code for url, typed in doors} == {403}


def test_a_key_is_shown_once_and_works(client, admin_member):
    client.force_login(admin_member)
    typed = {"name": HOSTILE, "scopes": ["prompt:read", "feedback:write"], "days": "30"}
    answer = client.post(address("keys"), typed)
    page = answer.content.decode()
    text = page.split("KAIZEN_API_KEY=")[1].split("<")[0]
    key = api_key_find(text)
    assert key.scopes == ["feedback:write", "prompt:read"]
    assert key.expires_at - timezone.now() < timedelta(days=31)
    assert answer["Cache-Control"] == "no-store"
    assert HOSTILE not in page
    listed = client.get(address("keys")).content.decode()
    assert text not in listed
    assert key.prefix in listed


def test_a_key_without_a_scope_or_with_an_unknown_one_is_refused(client, admin_member):
    client.force_login(admin_member)
    for scopes in ([], ["everything"]):
        answer = client.post(address("keys"), {"name": "x", "scopes": scopes, "days": "30"})
        assert answer.status_code == 400
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_with_a_reason_and_another_projects_is_not_there(
    client, admin_member, project, other_project
):
    key, other = ApiKeyFactory(project=project), ApiKeyFactory(project=other_project)
    client.force_login(admin_member)
    client.post(address("key-revoke", key_id=key.public_id), {"reason": "it leaked"})
    key.refresh_from_db()
    assert key.revoked_at
    assert AuditEntry.objects.get(action="kaizen.api_key.revoked").reason == "it leaked"
    assert "revoked" in client.get(address("keys")).content.decode()
    assert client.post(address("key-revoke", key_id=other.public_id)).status_code == 404
    assert client.post(address("key-revoke", key_id="nonsense")).status_code == 404


def test_the_lists_ask_no_more_for_more_rows(
    client, admin_member, project, django_assert_max_num_queries
):
    MembershipFactory.create_batch(26, project=project)
    ApiKeyFactory.create_batch(26, project=project)
    client.force_login(admin_member)
    for name in ("members", "keys"):
        with django_assert_max_num_queries(12):
            client.get(address(name))
