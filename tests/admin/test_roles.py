"""Roles decide in the admin: a viewer writes nothing, and each write has the role it needs."""

import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from optimization_app.models import EvaluationRow, Job, Trial
from projects_app.actors import RANK
from projects_app.models import ApiKey, AuditEntry, Channel, Delivery, Notification, Role, User
from prompts_app.models import GitConnection, PromptVersion, PullRequest, Repository
from tests.admin.forms import WRITES
from tests.admin.rooms import TENANT, Room, decision, footprint, page

OFFERED = re.compile(r'<option value="([a-z_]+)">')
SignIn = Callable[[User], Client]
FROZEN = (
    *(PromptVersion, AuditEntry, Job, Trial, EvaluationRow, ApiKey),
    *(GitConnection, Repository, PullRequest, Channel, Notification, Delivery),
)
each_model = pytest.mark.parametrize("model", TENANT, ids=lambda model: model.__name__)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("role", Role)
def test_a_write_needs_its_role(name: str, role: Role, maple: Room, sign_in: SignIn) -> None:
    write = WRITES[name]
    place, data = write.send(maple)
    before = footprint()
    answer = sign_in(maple.people[role]).post(place, data)
    if RANK[role] < RANK[write.role]:
        assert answer.status_code == 403
        assert footprint() == before
    else:
        assert answer.status_code == write.answers
        assert footprint() != before


@each_model
def test_a_viewer_gets_403_on_every_write(model: type[Model], maple: Room, sign_in: SignIn) -> None:
    client, pk, before = sign_in(maple.people[Role.VIEWER]), maple.rows[model].pk, footprint()
    places = (page(model, "add"), page(model, "change", pk), page(model, "delete", pk))
    assert [client.post(place, {"post": "yes"}).status_code for place in places] == [403] * 3
    assert client.get(places[0]).status_code == client.get(places[2]).status_code == 403
    assert footprint() == before


@each_model
def test_a_viewer_reads_and_sees_no_button(
    model: type[Model], maple: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[Role.VIEWER])
    for place in (page(model, "changelist"), page(model, "change", maple.rows[model].pk)):
        text = client.get(place).content.decode()
        for button in ('name="_save"', "addlink", "deletelink", "/decide/"):
            assert button not in text
        assert set(OFFERED.findall(text)) <= {"export_csv"}
        assert "/cancel/" not in text
        assert "/propose/" not in text


@pytest.mark.parametrize("model", FROZEN, ids=lambda model: model.__name__)
def test_what_was_recorded_is_read_only_even_for_an_admin(
    model: type[Model], maple: Room, sign_in: SignIn
) -> None:
    client, pk, before = sign_in(maple.people[Role.ADMIN]), maple.rows[model].pk, footprint()
    assert client.get(page(model, "change", pk)).status_code == 200
    for name in ("change", "delete"):
        assert client.post(page(model, name, pk), {"post": "yes"}).status_code == 403
    assert footprint() == before


@pytest.mark.parametrize("role", Role)
def test_buttons_to_decide_are_shown_to_whom_they_serve(
    role: Role, maple: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[role])
    version = client.get(page(PromptVersion, "change", maple.proven.pk)).content.decode()
    assert (decision(maple.proven, "approve") in version) == (RANK[role] >= RANK[Role.APPROVER])
    job = client.get(page(Job, "change", maple.rows[Job].pk)).content.decode()
    assert ("/cancel/" in job) == (RANK[role] >= RANK[Role.EDITOR])


def test_a_decision_is_never_a_get(maple: Room, sign_in: SignIn) -> None:
    client = sign_in(maple.people[Role.ADMIN])
    assert client.get(decision(maple.proven, "approve")).status_code == 405


def test_a_decision_needs_its_token(maple: Room) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(
        maple.people[Role.ADMIN], backend="django.contrib.auth.backends.ModelBackend"
    )
    before = footprint()
    assert client.post(decision(maple.proven, "approve")).status_code == 403
    assert footprint() == before


def test_whoever_is_not_signed_in_is_sent_to_the_door(maple: Room) -> None:
    for place in (reverse("admin:index"), page(Job, "changelist")):
        assert Client().get(place)["Location"].startswith(reverse("admin:login"))
    assert Client().post(decision(maple.proven, "approve")).status_code == 302


def test_a_member_who_is_not_staff_stays_outside(maple: Room, sign_in: SignIn) -> None:
    user = maple.people[Role.ADMIN]
    user.is_staff = False
    user.save()
    answer = sign_in(user).get(page(Job, "changelist"))
    assert answer["Location"].startswith(reverse("admin:login"))


def test_a_person_changes_their_own_password(maple: Room, sign_in: SignIn) -> None:
    user = maple.people[Role.VIEWER]
    old, new = "a long enough password", "another quite long one"
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    answer = sign_in(user).post(reverse("admin:password_change"), data)
    assert answer.status_code == 302
    user.refresh_from_db()
    assert user.check_password(new)


def test_no_admin_of_a_project_offers_to_delete_in_bulk() -> None:
    offering = [
        model.__name__
        for model in TENANT
        if "delete_selected" in (admin.site._registry[model].actions or ())
    ]
    assert offering == []
