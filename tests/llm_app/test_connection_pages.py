"""Connections by page: secrets go in and never come out, prices with their day, a test in words."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from llm_app.models import Connection, LedgerEntry, ModelPrice
from llm_app.services.connection_test import connection_test_ask, connection_test_run
from llm_app.services.connections import connection_secret, connection_secret_set
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import AuditEntry
from tests.factories.llm import ConnectionFactory, ModelPriceFactory

SECRET = "sk-a-secret-of-some-length"


def address(name="connections", **kwargs):
    return reverse(f"settings:{name}", kwargs={"project": "support", **kwargs})


@pytest.fixture
def listed(settings):
    """Let two addresses pass that nobody has to resolve."""
    targets = ("127.0.0.1:9", "127.0.0.1:10")
    settings.CONFIG = replace(settings.CONFIG, allow_private_targets=targets)


@pytest.fixture
def connection(project):
    return ConnectionFactory(project=project, slug="own")


@pytest.mark.django_db
def test_a_provider_is_connected_and_its_secret_is_shown_nowhere(client, admin_member, listed):
    client.force_login(admin_member)
    typed = {
        "slug": "chat",
        "kind": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "secret": SECRET,
    }
    answer = client.post(address(), typed)
    assert answer.url == address("connection", slug="chat")
    made = Connection.objects.get(slug="chat")
    assert connection_secret(made) == SECRET
    for url in (address(), answer.url):
        page = client.get(url).content.decode()
        assert SECRET not in page
        assert "ngth" in page


@pytest.mark.django_db
def test_a_kind_that_is_a_name_is_spelt_as_one(client, admin_member, project):
    ConnectionFactory(project=project, kind="openai")
    client.force_login(admin_member)
    page = client.get(address()).content.decode()
    assert ">OpenAI-compatible</span>" in page
    assert "Openai" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"slug": "x", "kind": "openai", "base_url": "http://10.0.0.1/v1"}, "https://"),
        ({"slug": "not a slug", "kind": "demo"}, "slug"),
        ({"slug": "x", "kind": "demo", "base_url": "https://x.example"}, "has no address"),
        ({"slug": "x", "kind": "demo", "requests_per_minute": "0"}, "greater than or equal to 1"),
        ({"slug": "own", "kind": "demo"}, "already exists"),
    ],
)
def test_what_cannot_be_connected_is_said_at_its_field(
    client, admin_member, connection, typed, words
):
    client.force_login(admin_member)
    answer = client.post(address(), typed)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert Connection.objects.count() == 1


@pytest.mark.django_db
def test_a_new_address_removes_the_secret_and_says_so(
    client, admin_member, admin_actor, project, listed
):
    made = ConnectionFactory(project=project, slug="chat", openai=True)
    connection_secret_set(actor=admin_actor, connection=made, secret=SECRET)
    client.force_login(admin_member)
    typed = {"base_url": "http://127.0.0.1:10/v1", "requests_per_minute": "60"}
    answer = client.post(address("connection", slug="chat"), typed, follow=True)
    assert "Its secret was removed" in answer.content.decode()
    made.refresh_from_db()
    assert (made.secret_encrypted, made.requests_per_minute) == ("", 60)
    entry = AuditEntry.objects.get(action="kaizen.connection.updated")
    assert entry.data["before"]["requests_per_minute"] is None


@pytest.mark.django_db
def test_a_price_is_entered_and_corrected_with_both_figures_in_the_trail(
    client, admin_member, connection
):
    client.force_login(admin_member)
    for figure in ("0.25", "0.5"):
        typed = {"model": "demo", "input_usd_per_mtok": figure, "output_usd_per_mtok": "1"}
        client.post(address("connection-price", slug="own"), typed)
    price = ModelPrice.objects.get()
    assert (price.input_usd_per_mtok, price.source) == (Decimal("0.5"), "entered by hand")
    assert AuditEntry.objects.first().data["before"]["input_usd_per_mtok"] == "0.250000"
    assert (
        str(price.read_at.date()) in client.get(address("connection", slug="own")).content.decode()
    )
    bad = {"model": "demo", "input_usd_per_mtok": "-1", "output_usd_per_mtok": "much"}
    assert client.post(address("connection-price", slug="own"), bad).status_code == 400


@pytest.mark.django_db
def test_published_prices_are_refused_in_words_for_another_address(
    client, admin_member, connection
):
    client.force_login(admin_member)
    answer = client.post(address("connection-seed", slug="own"), follow=True)
    assert "No price was entered" in answer.content.decode()


@pytest.mark.django_db
def test_everybody_reads_admins_write_and_outsiders_find_nothing(
    client, approver, outsider, connection
):
    doors = (
        "connection",
        "connection-secret",
        "connection-price",
        "connection-seed",
        "connection-test",
    )
    client.force_login(approver)
    assert client.get(address()).status_code == 200
    assert client.get(address("connection", slug="own")).status_code == 200
    assert {client.post(address(name, slug="own")).status_code for name in doors} == {403}
    assert client.post(address(), {"slug": "x", "kind": "demo"}).status_code == 403
    client.force_login(outsider)
    assert {client.post(address(name, slug="own")).status_code for name in doors} == {404}
    assert client.get(address("connection", slug="none")).status_code == 404


@pytest.mark.django_db
def test_a_test_is_asked_for_once_and_its_page_polls(client, admin_member, connection):
    ModelPriceFactory(connection=connection, model="demo")
    client.force_login(admin_member)
    client.post(address("connection-test", slug="own"), {"model": "demo"})
    page = client.get(address("connection", slug="own")).content.decode()
    assert 'hx-trigger="every 1s"' in page
    answer = client.post(address("connection-test", slug="own"), {"model": "demo"}, follow=True)
    assert "a test of this connection is under way" in answer.content.decode()
    assert client.get(address("connection-tested", slug="own")).status_code == 200
    Connection.objects.update(test_at=timezone.now() - timedelta(minutes=5))
    late = client.get(address("connection-tested", slug="own"))
    assert late.status_code == 286
    assert "No worker took the test." in late.content.decode()
    Connection.objects.update(test_state="works", test_words="demo answered")
    assert client.get(address("connection-tested", slug="own")).status_code == 286


@pytest.mark.django_db
def test_a_model_without_a_price_is_not_asked(client, admin_member, connection):
    client.force_login(admin_member)
    answer = client.post(address("connection-test", slug="own"), {"model": "x"}, follow=True)
    assert "no price is known for own/x" in answer.content.decode()
    assert Connection.objects.get().test_state == ""


def asked(slug="own", **facts):
    made = ConnectionFactory(slug=slug, **facts)
    ModelPriceFactory(connection=made, model="demo")
    actor = Actor.system(made.project_id)
    return connection_test_ask(actor=actor, connection=made, model="demo"), actor


def test_a_test_makes_one_call_and_says_what_came_back(live_database):
    connection, actor = asked()
    assert connection_test_run(connection.pk) == "works"
    assert connection_test_run(connection.pk) == "not to be taken"
    connection.refresh_from_db()
    assert "demo answered" in connection.test_words
    entry = LedgerEntry.objects.get()
    assert (entry.purpose, entry.role) == ("test", "test")
    again = connection_test_ask(actor=actor, connection=connection, model="demo")
    with pytest.raises(Conflict):
        connection_test_ask(actor=actor, connection=again, model="demo")


def test_a_provider_that_cannot_be_reached_is_said_in_words(live_database, listed):
    connection, _actor = asked("away", openai=True)
    assert connection_test_run(connection.pk) == "failed"
    connection.refresh_from_db()
    assert connection.test_words == "The provider of away could not be reached or failed."
    assert connection.test_raw
