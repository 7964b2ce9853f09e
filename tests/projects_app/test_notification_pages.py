"""Channels by page: an admin adds, tries, changes and removes them, and reads the log."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from projects_app.models import AuditEntry, Channel, ChannelKind, Delivery, Project, User
from projects_app.secrets import decrypt
from projects_app.senders import secret_place
from tests.factories.notifications import (
    HOOK_SECRET,
    ChannelFactory,
    DeliveryFactory,
    NotificationFactory,
)

pytestmark = pytest.mark.django_db
HOOK = "https://1.1.1.1/kaizen"


def place(name: str, **where: Any) -> str:
    return reverse(f"notifications:{name}", kwargs={"project": "support", **where})


def new(**changes: Any) -> dict[str, Any]:
    made = {"name": "Team", "kind": "email", "address": "team@example.org", "events": ["promoted"]}
    return {**made, **changes}


@pytest.fixture
def boss(client: Client, admin_member: User) -> Client:
    client.force_login(admin_member)
    return client


@pytest.fixture
def channel(project: Project) -> Channel:
    return ChannelFactory(project=project, name="Team")


def test_an_admin_adds_a_channel_and_the_audit_names_it(boss: Client, project: Project) -> None:
    answer = boss.post(place("add"), new(), follow=True)
    assert "The channel is added" in answer.content.decode()
    made = project.channels.get()
    assert (made.name, made.events, made.address) == ("Team", ["promoted"], "team@example.org")
    assert AuditEntry.objects.get(action="kaizen.channel.created").data["name"] == "Team"


def test_a_webhooks_secret_is_shown_once_and_kept_encrypted(boss: Client, project: Project) -> None:
    answer = boss.post(place("add"), new(kind="webhook", address=HOOK))
    made = project.channels.get()
    secret = decrypt(made.secret_encrypted, secret_place(made))
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret.startswith("kz_hook_")
    for again in (place("page"), place("channel", channel=made.public_id)):
        text = boss.get(again).content.decode()
        assert secret not in text
        assert made.secret_last4 in text
    renewed = boss.post(place("renew", channel=made.public_id)).content.decode()
    assert secret not in renewed
    assert "kz_hook_" in renewed


def test_a_chat_address_is_a_secret_and_never_shown(boss: Client, project: Project) -> None:
    url = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    boss.post(place("add"), new(kind="chat", address=url))
    made = project.channels.get()
    assert made.address == "Slack"
    assert decrypt(made.secret_encrypted, secret_place(made)) == url
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in boss.get(place("page")).content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"address": "nobody"}, "address", "valid email"),
        ({"address": "a@b.org, c@d.org"}, "address", "valid email"),
        ({"address": "a@b.org\nBcc: c@d.org"}, "address", "valid email"),
        ({"kind": "webhook", "address": "http://169.254.169.254/"}, "address", "https"),
        ({"kind": "webhook", "address": "https://10.0.0.1/"}, "address", "not a public address"),
        ({"kind": "webhook", "address": "javascript:alert(1)"}, "address", "https"),
        ({"kind": "chat", "address": "json://10.0.0.1/"}, "address", "none of"),
        ({"kind": "chat", "address": "gotify://10.0.0.1/token"}, "address", "operator"),
        ({"kind": "chat", "address": "syslog://"}, "address", "none of"),
        ({"kind": "chat", "address": "workflows://10.0.0.1/flow/sig"}, "address", "Teams"),
        (
            {"kind": "chat", "address": f"slack://{'T' * 9}/{'A' * 9}/{'c' * 24}?template=/etc/x"},
            "address",
            "template",
        ),
        ({"events": []}, "events", "at least one"),
        ({"events": ["test"]}, "events", "test"),
        ({"name": ""}, "name", "required"),
        ({"kind": "pigeon"}, "kind", "pigeon"),
    ],
)
def test_what_cannot_be_told_is_refused_beside_its_field(
    boss: Client, project: Project, changes: dict[str, Any], field: str, said: str
) -> None:
    answer = boss.post(place("add"), new(**changes))
    assert answer.status_code == 400
    assert said in " ".join(answer.context["form"].errors[field])
    assert 'role="alert"' in answer.content.decode()
    assert not project.channels.exists()


def test_a_name_that_is_taken_is_refused_and_free_again_after_removal(
    boss: Client, channel: Channel
) -> None:
    assert boss.post(place("add"), new()).status_code == 400
    boss.post(place("remove", channel=channel.public_id))
    assert boss.post(place("add"), new(), follow=True).status_code == 200
    assert Channel.objects.filter(name="Team", removed_at=None).count() == 1


def test_a_channel_is_changed_and_then_told_less(boss: Client, channel: Channel) -> None:
    data = {"name": "Crew", "events": ["job_failed"]}
    boss.post(place("change", channel=channel.public_id), data)
    channel.refresh_from_db()
    assert (channel.name, channel.events, channel.is_active) == ("Crew", ["job_failed"], False)


def test_a_test_message_waits_for_the_worker_and_the_log_shows_it(
    boss: Client, channel: Channel
) -> None:
    text = boss.post(place("test", channel=channel.public_id), follow=True).content.decode()
    assert "A test is on its way to Team" in text
    assert "hx-trigger" in text
    Delivery.objects.update(state="delivered", answer="200")
    text = boss.get(place("page")).content.decode()
    assert "hx-trigger" not in text
    assert "Delivered" in text


def test_a_failed_message_is_sent_again_once(boss: Client, channel: Channel) -> None:
    failed = DeliveryFactory(channel=channel, failed=True)
    assert "the receiver answered 500" in boss.get(place("page")).content.decode()
    again = place("again", delivery=failed.public_id)
    assert "on its way again" in boss.post(again, follow=True).content.decode()
    failed.refresh_from_db()
    assert (failed.state, failed.tries) == ("waiting", 0)
    assert "only a failed message" in boss.post(again, follow=True).content.decode()


def test_filters_are_in_the_address_and_the_file_holds_the_same(
    boss: Client, channel: Channel, project: Project
) -> None:
    DeliveryFactory(channel=channel, failed=True, error="=cmd()")
    DeliveryFactory(channel=ChannelFactory(project=project, name="Other"))
    query = {"state": "failed", "event": "promoted", "channel": str(channel.public_id)}
    assert len(boss.get(place("page"), query).context["lines"]) == 1
    answer = boss.get(place("csv"), query)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["channel"], row["error"]) for row in rows] == [("Team", "'=cmd()")]


@pytest.mark.parametrize("person", ["viewer", "editor", "approver", "outsider"])
def test_only_an_admin_of_the_project_comes_in(
    person: str, request: pytest.FixtureRequest, client: Client, channel: Channel
) -> None:
    client.force_login(request.getfixturevalue(person))
    expected = 404 if person == "outsider" else 403
    failed = DeliveryFactory(channel=channel, failed=True)
    own = {"channel": channel.public_id}
    reads = (place("page"), place("csv"), place("channel", **own))
    writes = (
        place("add"),
        *(place(name, **own) for name in ("change", "renew", "remove", "test")),
        place("again", delivery=failed.public_id),
    )
    assert {client.get(one).status_code for one in reads} == {expected}
    assert {client.post(one, new()).status_code for one in writes} == {expected}
    assert Channel.objects.filter(removed_at=None).count() == 1
    assert Delivery.objects.get().state == "failed"


def test_another_projects_channel_is_not_there(boss: Client, other_project: Project) -> None:
    theirs = ChannelFactory(project=other_project, secret=HOOK_SECRET)
    sent = DeliveryFactory(channel=theirs, failed=True)
    for name in ("change", "renew", "remove", "test"):
        assert boss.post(place(name, channel=theirs.public_id), new()).status_code == 404
    assert boss.post(place("again", delivery=sent.public_id)).status_code == 404
    assert boss.get(place("channel", channel=theirs.public_id)).status_code == 404
    assert theirs.name not in boss.get(place("page")).content.decode()


def test_a_change_is_a_post(boss: Client, channel: Channel) -> None:
    for name in ("change", "renew", "remove", "test"):
        assert boss.get(place(name, channel=channel.public_id)).status_code == 405


def test_a_project_has_at_most_twenty_channels(boss: Client, project: Project) -> None:
    ChannelFactory.create_batch(20, project=project)
    answer = boss.post(place("add"), new())
    assert "at most 20" in answer.content.decode()


def test_the_page_asks_as_much_for_many_rows_as_for_few(
    boss: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    channels = ChannelFactory.create_batch(5, project=project, kind=ChannelKind.EMAIL.value)
    for number in range(40):
        note = NotificationFactory(project=project, facts={"prompt": f"p{number}"})
        DeliveryFactory(channel=channels[number % 5], notification=note)
    with django_assert_max_num_queries(12):
        assert len(boss.get(place("page")).context["lines"]) == 25
