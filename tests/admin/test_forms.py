"""A refusal stands beside its field, a secret never comes out again, and no form is a 500."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from llm_app.models import Connection, ModelPrice
from llm_app.services.connections import connection_secret
from projects_app.models import ApiKey, Membership, Role, Scope, User
from projects_app.services.keys import api_key_find
from tasks_app.models import Task
from tests.admin.forms import connection_data, key_data, price_data, task_data
from tests.admin.rooms import Room, footprint, page
from tests.factories.tasks import TaskFactory

SignIn = Callable[[User], Client]
KEY = re.compile(r"kz_live_\w{8}_[\w-]{43}")
SECRET = "sk-this-must-never-be-seen-1234"
NOT_OBJECTS = ("5", "[1]", '"x"', "{", "nonsense", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 5000)


@pytest.fixture
def boss(maple: Room, sign_in: SignIn) -> Client:
    return sign_in(maple.people[Role.ADMIN])


def errors(answer: object) -> dict[str, str]:
    assert answer.status_code == 200
    return {name: str(text) for name, text in answer.context["adminform"].form.errors.items()}


def test_a_key_is_shown_once_and_never_again(maple: Room, boss: Client) -> None:
    shown = boss.post(page(ApiKey, "add"), key_data(maple))
    text = KEY.findall(shown.content.decode())[0]
    assert api_key_find(text) == ApiKey.objects.get(name="made here")
    assert "no-store" in shown["Cache-Control"]
    assert text not in str(boss.cookies)
    key = ApiKey.objects.get(name="made here")
    for place in (page(ApiKey, "changelist"), page(ApiKey, "change", key.pk)):
        again = boss.get(place).content.decode()
        assert not KEY.search(again)
        assert key.secret_hash not in again


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", ["everything"]),
        ("scopes", []),
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\x00b"),
        ("project", "nonsense"),
        ("project", "99999999999999999999999999"),
    ],
)
def test_a_key_that_cannot_be_is_refused_beside_its_field(
    field: str, value: object, maple: Room, boss: Client
) -> None:
    before = footprint()
    assert field in errors(boss.post(page(ApiKey, "add"), key_data(maple, **{field: value})))
    assert footprint() == before


@pytest.mark.parametrize("days", [-1, 366])
def test_a_keys_life_is_bounded(days: int, maple: Room, boss: Client) -> None:
    end = timezone.now() + timedelta(days=days)
    when = {"expires_at": f"{end:%Y-%m-%dT%H:%M}"}
    assert (
        "365 days" in errors(boss.post(page(ApiKey, "add"), key_data(maple, **when)))["expires_at"]
    )


def test_every_scope_is_offered(maple: Room, boss: Client) -> None:
    form = boss.get(page(ApiKey, "add")).context["adminform"].form
    assert {value for value, _ in form.fields["scopes"].choices} == {one.value for one in Scope}


def test_a_secret_goes_in_and_never_comes_out(maple: Room, boss: Client) -> None:
    connection = maple.rows[Connection]
    place = page(Connection, "change", connection.pk)
    data = {"base_url": connection.base_url, "secret": SECRET}
    refused = boss.post(place, {**data, "requests_per_minute": "nonsense"})
    assert SECRET not in refused.content.decode()
    assert boss.post(place, {"base_url": "https://1.1.1.1/v1", "secret": SECRET}).status_code == 302
    connection.refresh_from_db()
    assert connection_secret(connection) == SECRET
    for shown in (place, page(Connection, "changelist")):
        text = boss.get(shown).content.decode()
        assert SECRET not in text
        assert connection.secret_encrypted not in text
    boss.post(place, {"base_url": "https://1.1.1.1/v1", "secret": ""})
    connection.refresh_from_db()
    assert connection_secret(connection) == SECRET


def test_an_address_inside_is_refused_beside_the_address(maple: Room, boss: Client) -> None:
    data = connection_data(maple, kind="openai", base_url="http://169.254.169.254/v1")
    assert "base_url" in errors(boss.post(page(Connection, "add"), data))


def test_a_refused_price_names_its_field(maple: Room, boss: Client) -> None:
    for value in ("-1", "NaN", "Infinity", "1e99", "x"):
        data = price_data(maple, input_usd_per_mtok=value)
        assert "input_usd_per_mtok" in errors(boss.post(page(ModelPrice, "add"), data))


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
@pytest.mark.parametrize("text", NOT_OBJECTS, ids=lambda text: text[:12])
def test_a_schema_that_is_no_object_is_refused(
    field: str, text: str, maple: Room, boss: Client
) -> None:
    before = footprint()
    assert field in errors(boss.post(page(Task, "add"), task_data(maple, **{field: text})))
    assert footprint() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("student", "nonsense"),
        ("student", "nowhere/model"),
        ("teacher", "maple-models/"),
        ("threshold", "0"),
        ("threshold", "9" * 30),
        ("num_trials", "51"),
        ("budget_usd", "-1"),
        ("budget_tokens", "9" * 40),
        ("minutes", "31"),
        ("good_score", "nan"),
        ("slug", "no spaces"),
        ("evaluator", '{"kind": "beauty"}'),
        ("optimizer", "magic"),
        ("output_schema", '{"type": "object", "properties": {"a": {"type": "nothing"}}}'),
    ],
)
def test_a_task_that_cannot_be_is_refused_beside_its_field(
    field: str, value: str, maple: Room, boss: Client
) -> None:
    before = footprint()
    assert field in errors(boss.post(page(Task, "add"), task_data(maple, **{field: value})))
    assert footprint() == before


def test_a_name_that_is_taken_is_words(maple: Room, boss: Client) -> None:
    answer = boss.post(page(Task, "add"), task_data(maple, slug="maple-task"))
    assert "already exists" in errors(answer)["__all__"]


def test_saving_a_task_unchanged_changes_nothing(maple: Room, boss: Client) -> None:
    place = page(Task, "change", maple.rows[Task].pk)
    form = boss.get(place).context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in data.items() if value not in (None, "")}
    data["optimizer"] = "bootstrap"
    assert boss.post(place, data).status_code == 302
    before = footprint()
    assert boss.post(place, data).status_code == 302
    assert footprint() == before


def test_the_last_admin_stays_and_is_told_so(maple: Room, boss: Client) -> None:
    own = Membership.objects.get(user=maple.people[Role.ADMIN])
    data = {"role": Role.VIEWER.value}
    answer = boss.post(page(Membership, "change", own.pk), data)
    assert "at least one admin" in errors(answer)["__all__"]
    gone = boss.post(page(Membership, "delete", own.pk), {"post": "yes"}, follow=True)
    assert "at least one admin" in " ".join(map(str, gone.context["messages"]))
    own.refresh_from_db()
    assert own.role == Role.ADMIN


def test_history_leads_to_the_audit_trail_of_the_row(maple: Room, boss: Client) -> None:
    task = maple.rows[Task]
    boss.post(page(Task, "change", task.pk), task_data(maple, name="Renamed"))
    trail = boss.get(page(Task, "history", task.pk), follow=True)
    assert [entry.action for entry in trail.context["cl"].result_list] == ["kaizen.task.changed"]


@pytest.mark.parametrize(("chosen", "stored"), [("True", True), ("False", False), ("", None)])
def test_a_task_is_told_whether_new_versions_reason(
    maple: Room, boss: Client, chosen: str, stored: bool | None
) -> None:
    task = TaskFactory(project=maple.project, reasoning=not stored)
    address = page(Task, "change", task.pk)
    assert f'<option value="{not stored}" selected>' in boss.get(address).content.decode()
    changed = boss.post(address, task_data(maple, name=task.name, reasoning=chosen))
    assert changed.status_code == 302, errors(changed)
    task.refresh_from_db()
    assert task.reasoning is stored
