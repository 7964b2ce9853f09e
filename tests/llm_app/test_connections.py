"""Connections, their write-only secrets and their prices."""

from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from django.conf import settings as live_settings
from django.core import serializers

from kaizen_engine.llm.vendors import VENDOR_URLS
from llm_app.models import Connection, ModelPrice
from llm_app.selectors import connection_get, prices_of
from llm_app.services.connections import (
    connection_create,
    connection_secret,
    connection_secret_set,
    connection_update,
    price_set,
)
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.llm import ConnectionFactory

SECRET = "sk-live-abcdefghijklmnop-9876"
LOCAL = "http://ollama:11434/v1"


@pytest.fixture(autouse=True)
def _private_target(settings):
    settings.CONFIG = replace(live_settings.CONFIG, allow_private_targets=("ollama:11434",))


def create(actor, project, **options):
    given = {"slug": "own", "kind": "openai", "base_url": LOCAL, "secret": SECRET} | options
    return connection_create(actor=actor, project=project, **given)


def test_an_admin_adds_a_connection_and_it_is_audited(admin_actor, project):
    connection = create(admin_actor, project, base_url=LOCAL + "/")
    assert connection_get(project, "own") == connection
    assert connection.base_url == LOCAL
    entry = AuditEntry.objects.get(action="kaizen.connection.created")
    assert entry.data == {"slug": "own", "kind": "openai", "base_url": LOCAL, "has_secret": True}


def test_the_secret_can_be_used_and_is_shown_nowhere(admin_actor, project):
    connection = create(admin_actor, project)
    assert connection_secret(connection) == SECRET
    assert connection.secret_last4 == "9876"
    shown = f"{connection!r} {connection} {serializers.serialize('json', [connection])}"
    shown += serializers.serialize("json", AuditEntry.objects.all())
    assert SECRET not in shown


def test_a_short_secret_shows_no_tail(admin_actor, project):
    assert create(admin_actor, project, secret="short").secret_last4 == ""


@pytest.mark.parametrize("secret", ["sk-ünïcode-secret", "sk-a\nb", "x" * 5000])
def test_a_secret_no_header_can_carry_is_refused(admin_actor, project, secret):
    with pytest.raises(InvalidInput) as caught:
        create(admin_actor, project, secret=secret)
    assert "secret" in caught.value.errors
    assert secret not in str(caught.value)


def test_a_new_secret_replaces_the_old_one_and_an_empty_one_removes_it(admin_actor, project):
    connection = create(admin_actor, project)
    connection_secret_set(actor=admin_actor, connection=connection, secret="another-secret-1234")
    assert connection_secret(Connection.objects.get()) == "another-secret-1234"
    connection_secret_set(actor=admin_actor, connection=connection, secret="")
    assert connection_secret(Connection.objects.get()) == ""
    assert Connection.objects.get().secret_last4 == ""


def test_a_changed_address_drops_the_secret(admin_actor, project, settings):
    connection = create(admin_actor, project)
    settings.CONFIG = replace(settings.CONFIG, allow_private_targets=("ollama:11434", "other:80"))
    connection_update(actor=admin_actor, connection=connection, base_url=LOCAL)
    assert connection_secret(Connection.objects.get()) == SECRET
    connection_update(actor=admin_actor, connection=connection, base_url="http://other/v1")
    assert connection_secret(Connection.objects.get()) == ""


@pytest.mark.parametrize("kind", ["anthropic", "gemini", "groq"])
def test_a_vendor_without_an_address_is_called_at_its_own(admin_actor, project, settings, kind):
    home = urlsplit(VENDOR_URLS[kind])
    targets = (f"{home.hostname}:443", "ollama:11434")
    settings.CONFIG = replace(live_settings.CONFIG, allow_private_targets=targets)
    connection = create(admin_actor, project, kind=kind, base_url="")
    assert connection.base_url == VENDOR_URLS[kind]
    connection_update(actor=admin_actor, connection=connection, base_url=LOCAL)
    assert connection.secret_encrypted == ""
    connection_update(actor=admin_actor, connection=connection, base_url="")
    assert connection.base_url == VENDOR_URLS[kind]


def test_an_editor_may_not_say_what_the_server_calls(editor_actor, project):
    with pytest.raises(NotAllowed):
        create(editor_actor, project)
    assert not Connection.objects.exists()


def test_another_projects_admin_finds_nothing(outsider_actor, project):
    connection = ConnectionFactory(project=project)
    with pytest.raises(NotHere):
        create(outsider_actor, project)
    with pytest.raises(NotHere):
        connection_secret_set(actor=outsider_actor, connection=connection, secret=SECRET)
    with pytest.raises(NotHere):
        price_set(
            actor=outsider_actor,
            connection=connection,
            model="m",
            input_usd_per_mtok="1",
            output_usd_per_mtok="1",
        )


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"base_url": "http://10.0.0.1/v1"}, "base_url"),
        ({"base_url": ""}, "base_url"),
        ({"kind": "demo"}, "base_url"),
        ({"kind": "telepathy", "base_url": ""}, "kind"),
        ({"slug": "no slug"}, "slug"),
        ({"slug": "a/b"}, "slug"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
    ],
)
def test_a_mistake_is_named_by_its_field(admin_actor, project, options, field):
    with pytest.raises(InvalidInput) as caught:
        create(admin_actor, project, **options)
    assert field in caught.value.errors


def test_a_slug_is_taken_once_a_project(admin_actor, outsider_actor, project, other_project):
    create(admin_actor, project)
    create(outsider_actor, other_project)
    with pytest.raises(Conflict):
        create(admin_actor, project)


def test_a_price_is_set_and_set_again(admin_actor, project):
    connection = ConnectionFactory(project=project)
    for dollars in ("0.15", "0.30"):
        price_set(
            actor=admin_actor,
            connection=connection,
            model="small",
            input_usd_per_mtok=dollars,
            output_usd_per_mtok="0.60",
            source="the vendor's page",
        )
    assert prices_of(connection)["small"].input_usd_per_mtok == Decimal("0.30")
    assert AuditEntry.objects.filter(action="kaizen.connection.price_set").count() == 2


@pytest.mark.parametrize("dollars", ["-1", "NaN", "Infinity", "a lot", "1e12", "0.0000001"])
def test_a_price_that_is_no_amount_is_refused(admin_actor, project, dollars):
    connection = ConnectionFactory(project=project)
    with pytest.raises(InvalidInput) as caught:
        price_set(
            actor=admin_actor,
            connection=connection,
            model="small",
            input_usd_per_mtok=dollars,
            output_usd_per_mtok="1",
        )
    assert "input_usd_per_mtok" in caught.value.errors
    assert not ModelPrice.objects.exists()
