"""Every factory makes an object that the model itself calls valid."""

import pytest

from tests.factories import llm, projects


@pytest.mark.parametrize(
    "factory",
    [
        projects.UserFactory,
        projects.ProjectFactory,
        projects.MembershipFactory,
        projects.ApiKeyFactory,
        projects.AuditEntryFactory,
        projects.IdempotencyRecordFactory,
        llm.ConnectionFactory,
        llm.ModelPriceFactory,
        llm.LedgerEntryFactory,
        llm.CallRecordFactory,
        llm.BreakerStateFactory,
        llm.RateWindowFactory,
    ],
)
@pytest.mark.django_db
def test_a_factory_makes_a_valid_object(factory):
    factory().full_clean(exclude=["data", "response", "opened_at"])


def test_the_cast_has_one_member_of_each_role(viewer, editor, approver, admin_member, project):
    roles = {user.username: role for user, role in _roles(project)}
    assert roles == {
        "viewer": "viewer",
        "editor": "editor",
        "approver": "approver",
        "admin_member": "admin",
    }


def _roles(project):
    return [(row.user, row.role) for row in project.memberships.select_related("user")]
