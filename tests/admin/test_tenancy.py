"""A staff member of one project, in whatever role, finds nothing of another one in the admin."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db.models import ForeignKey, Model
from django.test import Client
from django.urls import reverse

from feedback_app.models import Dataset
from optimization_app.models import Job
from projects_app.models import ApiKey, Membership, Role, User
from prompts_app.admin import DECISIONS
from tasks_app.models import Task
from tests.admin import forms
from tests.admin.rooms import (
    OPERATORS,
    TENANT,
    Room,
    cancel,
    decision,
    footprint,
    page,
    registered,
)
from tests.factories.projects import MembershipFactory, UserFactory

SignIn = Callable[[User], Client]
UNKNOWN = 999_999
ACTIONS = ("revoke", "export_csv", "reject", "rerun", "archive", "restore", "send_again")
each_model = pytest.mark.parametrize("model", TENANT, ids=lambda model: model.__name__)
each_operator = pytest.mark.parametrize("label", OPERATORS)


def members(room: Room, sign_in: SignIn) -> Iterator[Client]:
    yield from (sign_in(user) for user in room.people.values())


def assert_silent(answer: Any, stranger: Room) -> None:
    text = answer.content.decode()
    assert not [name for name in stranger.names if name in text]


def test_every_admin_is_in_the_matrix() -> None:
    listed = {model._meta.label for model in TENANT} | set(OPERATORS)
    assert {model._meta.label for model in registered()} == listed


@each_model
def test_a_list_shows_own_rows_and_nothing_of_another_project(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    for client in members(maple, sign_in):
        answer = client.get(page(model, "changelist"), {"_facets": "True"})
        assert answer.status_code == 200
        assert answer.context["cl"].queryset.filter(pk=maple.rows[model].pk).exists()
        assert not answer.context["cl"].queryset.filter(pk=zebra.rows[model].pk).exists()
        assert_silent(answer, zebra)


@each_model
def test_a_search_finds_nothing_of_another_project(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    for client in members(maple, sign_in):
        answer = client.get(page(model, "changelist"), {"q": "ebra"})
        assert_silent(answer, zebra)


@each_model
def test_filters_offer_and_find_nothing_of_another_project(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[Role.ADMIN])
    start = client.get(page(model, "changelist"))
    for filtered in start.context["cl"].filter_specs:
        offered = [choice["display"] for choice in filtered.choices(start.context["cl"])]
        assert not [name for name in offered if "zebra" in str(name)]
    for field in model._meta.fields:
        query = {f"{field.name}__exact": str(getattr(zebra.rows[model], field.attname))}
        answer = client.get(page(model, "changelist"), query, follow=True)
        assert answer.status_code in (200, 400)
        if answer.status_code == 200 and "cl" in (answer.context or {}):
            assert not answer.context["cl"].queryset.filter(pk=zebra.rows[model].pk).exists()


@each_model
def test_a_page_of_another_projects_row_is_the_same_as_of_none(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    before = footprint()
    for client in members(maple, sign_in):
        for name, method in product(("change", "history", "delete"), ("get", "post")):
            theirs, nothing = (
                _outcome(client, method, page(model, name, pk), str(pk))
                for pk in (zebra.rows[model].pk, UNKNOWN)
            )
            assert theirs == nothing
            assert theirs[0] in (302, 403)
    assert footprint() == before


def _outcome(client: Client, method: str, place: str, pk: str) -> tuple[Any, ...]:
    client.cookies.pop("messages", None)
    answer = getattr(client, method)(place, {"post": "yes"})
    said = [str(message).replace(f"“{pk}”", "") for message in get_messages(answer.wsgi_request)]
    return answer.status_code, answer.get("Location"), said


@each_model
def test_own_pages_offer_no_choice_of_another_project(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    for client in members(maple, sign_in):
        answer = client.get(page(model, "change", maple.rows[model].pk))
        assert answer.status_code == 200
        assert_silent(answer, zebra)
        blank = client.get(page(model, "add"))
        assert blank.status_code in (200, 403)
        assert_silent(blank, zebra)


@each_model
def test_autocomplete_tells_nothing_of_another_project(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    foreign = [field for field in model._meta.fields if isinstance(field, ForeignKey)]
    for client in members(maple, sign_in):
        for field in foreign:
            query = {
                "app_label": model._meta.app_label,
                "model_name": model._meta.model_name,
                "field_name": field.name,
            }
            for term in ("", "zebra"):
                answer = client.get(reverse("admin:autocomplete"), {**query, "term": term})
                assert answer.status_code in (200, 403, 404)
                assert_silent(answer, zebra)


@each_model
def test_actions_leave_another_projects_rows_alone(
    model: type[Model], maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    before = footprint()
    for client in members(maple, sign_in):
        for action in (*ACTIONS, "delete_selected"):
            chosen = {
                "action": action,
                "_selected_action": [zebra.rows[model].pk],
                "post": "yes",
                "select_across": "0",
                "reason": "because",
            }
            answer = client.post(page(model, "changelist"), chosen)
            assert answer.status_code in (200, 302, 403)
    assert footprint() == before


def test_nobody_decides_or_cancels_in_another_project(
    maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    before = footprint()
    places = [decision(zebra.proven, name) for name in DECISIONS]
    for client in members(maple, sign_in):
        for place in (*places, cancel(zebra.rows[Job])):
            assert client.post(place, {"reason": "because"}).status_code == 404
    assert footprint() == before


@pytest.mark.parametrize("name", [name for name in forms.WRITES if name.endswith(" add")])
def test_an_add_form_refuses_another_project_and_its_things(
    name: str, maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    place, data = forms.WRITES[name].send(zebra)
    _, own = forms.WRITES[name].send(maple)
    before = footprint()
    client = sign_in(maple.people[Role.ADMIN])
    about = [field for field in ("project", "connection", "task", "student") if field in data]
    for posted in (data, *({**own, field: data[field]} for field in about)):
        answer = client.post(place, posted)
        assert answer.status_code == 200
        assert answer.context["errors"]
    assert footprint() == before


def test_a_task_cannot_be_moved_onto_another_projects_model(
    maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[Role.EDITOR])
    data = forms.task_data(maple, student="zebra-models/large")
    answer = client.post(page(Task, "change", maple.rows[Task].pk), data)
    assert "does not have" in str(answer.context["adminform"].form.errors["student"])


def test_a_role_in_one_project_gives_no_right_in_another(
    maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    both = maple.people[Role.ADMIN]
    MembershipFactory(project=zebra.project, user=both, role=Role.VIEWER.value)
    before = footprint()
    client = sign_in(both)
    for name, write in forms.WRITES.items():
        if name in ("member add", "repository add"):
            continue
        place, data = write.send(zebra)
        answer = client.post(place, data)
        refused = answer.status_code == 403 or (
            answer.status_code == 200 and answer.context["errors"]
        )
        # An action that is offered for another project ends with a message.
        assert refused or name in ("key revoke", "archive", "send again", "reject chosen"), name
    assert footprint() == before
    dataset = forms.dataset_data(maple, task=zebra.rows[Task].pk)
    assert client.post(page(Dataset, "add"), dataset).context["errors"]
    assert footprint() == before


def test_an_add_form_offers_only_projects_in_which_the_member_may_write(
    maple: Room, zebra: Room, sign_in: SignIn
) -> None:
    both = maple.people[Role.ADMIN]
    MembershipFactory(project=zebra.project, user=both, role=Role.APPROVER.value)
    client = sign_in(both)
    for model, allowed in ((ApiKey, {"Maple"}), (Task, {"Maple", "Zebra"})):
        form = client.get(page(model, "add")).context["adminform"].form
        offered = {str(label) for value, label in form.fields["project"].choices if value}
        assert offered == allowed
    people = client.get(page(Membership, "add")).context["adminform"].form.fields["user"]
    assert {user.username for user in people.queryset} == {
        user.username for user in maple.people.values()
    }


def test_staff_without_a_membership_see_nothing(maple: Room, sign_in: SignIn) -> None:
    client = sign_in(UserFactory(staff=True))
    index = client.get(reverse("admin:index"))
    assert index.context["app_list"] == []
    assert_silent(index, maple)
    for model in TENANT:
        for place in (page(model, "changelist"), page(model, "add")):
            assert client.get(place).status_code == 403
        assert client.get(page(model, "change", maple.rows[model].pk)).status_code == 403


@each_operator
def test_what_belongs_to_no_project_is_for_superusers(
    label: str, maple: Room, sign_in: SignIn
) -> None:
    model = next(model for model in registered() if model._meta.label == label)
    user = maple.people[Role.ADMIN]
    user.user_permissions.set(Permission.objects.all())
    client = sign_in(user)
    for name in ("changelist", "add"):
        assert client.get(page(model, name)).status_code == 403
    boss = sign_in(UserFactory(is_superuser=True, staff=True))
    assert boss.get(page(model, "changelist")).status_code == 200


def test_djangos_own_permissions_give_no_right(maple: Room, zebra: Room, sign_in: SignIn) -> None:
    user = maple.people[Role.VIEWER]
    user.user_permissions.set(Permission.objects.all())
    client = sign_in(user)
    assert client.post(page(Task, "add"), forms.task_data(maple)).status_code == 403
    assert_silent(client.get(page(Task, "changelist")), zebra)


@each_model
def test_a_hidden_column_cannot_be_guessed_by_filtering(
    model: type[Model], maple: Room, sign_in: SignIn
) -> None:
    hidden = [
        field.name
        for field in model._meta.fields
        if field.name in {"secret_hash", "secret_encrypted", "secret_last4", "last_used_ip"}
    ]
    client = sign_in(maple.people[Role.VIEWER])
    for name in (*hidden, "project__members__password"):
        answer = client.get(page(model, "changelist"), {f"{name}__startswith": "a"})
        assert answer.status_code == 400


def test_somebody_who_left_is_out_at_once(maple: Room, sign_in: SignIn) -> None:
    user = maple.people[Role.ADMIN]
    client = sign_in(user)
    assert client.get(page(Task, "changelist")).status_code == 200
    Membership.objects.filter(user=user).delete()
    assert client.get(page(Task, "changelist")).status_code == 403


def test_a_superuser_sees_every_project(maple: Room, zebra: Room, sign_in: SignIn) -> None:
    client = sign_in(UserFactory(is_superuser=True, staff=True))
    text = client.get(page(Task, "changelist")).content.decode()
    assert "maple-task" in text
    assert "zebra-task" in text
