"""Projects and their members."""

import pytest

from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry, Membership, Project, Role
from projects_app.selectors import project_by_slug, projects_of, role_in
from projects_app.services.projects import (
    member_remove,
    member_set,
    project_create,
    project_update,
)
from tests.factories.projects import ProjectFactory, UserFactory


@pytest.fixture
def newcomer(db):
    return UserFactory(username="newcomer")


def test_the_system_makes_a_project_without_members(db):
    project = project_create(slug="support", name="Support")
    assert project_by_slug("support") == project
    assert not project.memberships.exists()
    assert AuditEntry.objects.get().actor == "system"


def test_a_superuser_who_makes_a_project_is_its_admin(db):
    boss = UserFactory(is_superuser=True)
    project = project_create(slug="support", name="Support", by=boss)
    assert project.memberships.get().role == Role.ADMIN


def test_nobody_else_makes_projects(admin_member):
    with pytest.raises(NotAllowed):
        project_create(slug="support2", name="Support", by=admin_member)


def test_a_slug_is_taken_once_and_must_be_one(project):
    with pytest.raises(Conflict):
        project_create(slug=project.slug, name="Again")
    with pytest.raises(InvalidInput) as caught:
        project_create(slug="not a slug", name="")
    assert set(caught.value.errors) == {"slug", "name"}


def test_an_admin_changes_the_rules_of_the_project(admin_actor, project):
    project_update(actor=admin_actor, project=project, two_person_rule=True)
    assert Project.objects.get().two_person_rule
    for changes in ({"slug": "x"}, {"serve_on": "never"}):
        with pytest.raises(InvalidInput):
            project_update(actor=admin_actor, project=Project.objects.get(), **changes)


def test_a_member_is_added_and_given_another_role(admin_actor, project, newcomer):
    for role in ("viewer", Role.APPROVER):
        member_set(actor=admin_actor, project=project, user=newcomer, role=role)
    assert role_in(newcomer, project) is Role.APPROVER
    entry = AuditEntry.objects.filter(action="kaizen.member.set").first()
    before = {"role": "viewer"}
    assert entry.data == {"member": "newcomer", "role": "approver", "before": before}


def test_an_unknown_role_is_refused(admin_actor, project, newcomer):
    with pytest.raises(InvalidInput, match="viewer, editor, approver, admin"):
        member_set(actor=admin_actor, project=project, user=newcomer, role="owner")


@pytest.mark.parametrize("member", ["viewer_actor", "editor_actor", "approver_actor"])
def test_only_an_admin_says_who_belongs(request, member, project, newcomer):
    actor = request.getfixturevalue(member)
    with pytest.raises(NotAllowed):
        member_set(actor=actor, project=project, user=newcomer, role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        member_remove(actor=actor, project=project, user=actor.user)


def test_another_projects_admin_finds_no_project(outsider_actor, project, newcomer):
    with pytest.raises(NotHere):
        member_set(actor=outsider_actor, project=project, user=newcomer, role=Role.VIEWER)


def test_the_last_admin_stays(admin_actor, admin_member, project, newcomer):
    with pytest.raises(Conflict):
        member_set(actor=admin_actor, project=project, user=admin_member, role=Role.VIEWER)
    with pytest.raises(Conflict):
        member_remove(actor=admin_actor, project=project, user=admin_member)
    member_set(actor=admin_actor, project=project, user=newcomer, role=Role.ADMIN)
    member_remove(actor=admin_actor, project=project, user=admin_member)
    assert role_in(admin_member, project) is None


def test_who_is_not_a_member_cannot_be_removed(admin_actor, project, newcomer):
    with pytest.raises(NotHere):
        member_remove(actor=admin_actor, project=project, user=newcomer)


def test_people_see_their_own_projects(viewer, outsider, project, other_project):
    assert list(projects_of(viewer)) == [project]
    assert list(projects_of(outsider)) == [other_project]
    assert set(projects_of(UserFactory(is_superuser=True))) == {project, other_project}


def test_who_is_no_longer_active_sees_nothing_and_is_nobody(viewer, project):
    viewer.is_active = False
    viewer.save()
    assert not projects_of(viewer)
    assert Actor.member(viewer, project).role is None
    boss = UserFactory(is_superuser=True, is_active=False)
    assert not projects_of(boss)
    assert role_in(boss, project) is None


ALLOWED = {
    Role.VIEWER: {Role.VIEWER},
    Role.EDITOR: {Role.VIEWER, Role.EDITOR},
    Role.APPROVER: {Role.VIEWER, Role.EDITOR, Role.APPROVER},
    Role.ADMIN: {Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMIN},
}


@pytest.mark.parametrize("needed", Role)
@pytest.mark.parametrize("held", Role)
def test_a_role_covers_the_ones_below_it(db, held, needed):
    project, user = ProjectFactory(), UserFactory()
    Membership.objects.create(project=project, user=user, role=held.value)
    assert Actor.member(user, project).allows(role=needed) == (needed in ALLOWED[held])


@pytest.mark.parametrize("needed", Role)
def test_an_outsider_may_do_nothing(outsider, project, needed):
    assert not Actor.member(outsider, project).allows(role=needed)


def test_a_role_counts_in_its_own_project_only(admin_actor, other_project):
    with pytest.raises(NotHere):
        admin_actor.require(role=Role.VIEWER, project_id=other_project.pk)
