"""A message is sent by one winner a try, waits longer after each, and ends with its reason."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.core import mail
from django.db import connection
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kaizen_engine.states import DELIVERY_TRANSITIONS, DeliveryState
from projects_app.models import ChannelKind, Delivery, Project
from projects_app.services.channels import channel_remove
from projects_app.services.deliveries import (
    HOLD,
    MOST_TRIES,
    NOT_DUE,
    WAITS,
    _claim,
    _settle,
    delivery_try,
)
from projects_app.worker import sweep_deliveries
from tests.factories.notifications import HOOK_SECRET, ChannelFactory, DeliveryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def configured(settings: Any) -> Callable[..., None]:
    def configure(**changes: Any) -> None:
        settings.CONFIG = replace(settings.CONFIG, **changes)

    settings.CONFIG = live_settings.CONFIG
    return configure


@pytest.fixture
def hook(httpserver: HTTPServer, project: Project, configured: Any) -> Iterator[Delivery]:
    """A message to a webhook on the scripted server."""
    configured(allow_private_targets=(f"localhost:{httpserver.port}",))
    channel = ChannelFactory(
        project=project,
        kind=ChannelKind.WEBHOOK.value,
        address=httpserver.url_for("/hook"),
        secret=HOOK_SECRET,
    )
    yield DeliveryFactory(channel=channel)
    httpserver.clear()


def row(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_a_webhook_gets_numbers_and_a_link_signed_over_time_and_body(
    hook: Delivery, httpserver: HTTPServer
) -> None:
    seen: list[Request] = []

    def take(request: Request) -> Response:
        seen.append(request)
        return Response(status=204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(take)
    assert delivery_try(hook.pk) == DeliveryState.DELIVERED
    request, body = seen[0], seen[0].get_data()
    told = json.loads(body)
    assert told["event"] == "promoted"
    assert told["facts"]["version"] == 4
    assert told["url"] == f"http://127.0.0.1:8000{hook.notification.path}"
    signed = request.headers["Kaizen-Timestamp"].encode() + b"." + body
    expected = hmac.new(HOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["Kaizen-Signature"] == f"v1={expected}"
    assert request.headers["Kaizen-Delivery"] == str(hook.public_id)
    assert (row(hook).state, row(hook).answer, row(hook).tries) == ("delivered", "204", 1)
    assert HOOK_SECRET not in f"{request.headers}{body!r}"


def test_each_failure_waits_longer_until_the_last_one_ends_it(
    hook: Delivery, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("secret detail", status=500)
    waits = []
    for _ in range(MOST_TRIES):
        delivery_try(hook.pk)
        waits.append(row(hook).next_at - timezone.now())
        assert delivery_try(hook.pk) == NOT_DUE
        Delivery.objects.filter(pk=hook.pk).update(next_at=timezone.now())
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[0] <= WAITS[0] < waits[1] + timedelta(seconds=5) <= WAITS[1] + timedelta(minutes=1)
    ended = row(hook)
    assert (ended.state, ended.tries) == ("failed", MOST_TRIES)
    assert ended.error == "the receiver answered 500"
    assert delivery_try(hook.pk) == NOT_DUE
    assert len(httpserver.log) == MOST_TRIES


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429])
def test_only_a_success_counts_and_no_redirect_is_followed(
    status: int, hook: Delivery, httpserver: HTTPServer
) -> None:
    elsewhere = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request("/hook").respond_with_data("", status=status, headers=elsewhere)
    delivery_try(hook.pk)
    assert (row(hook).state, row(hook).error) == ("waiting", f"the receiver answered {status}")
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


def test_a_receiver_that_is_away_is_tried_again(hook: Delivery, httpserver: HTTPServer) -> None:
    httpserver.stop()
    try:
        delivery_try(hook.pk)
    finally:
        httpserver.start()
    assert row(hook).error == "the receiver could not be reached: ConnectError"


def test_an_address_that_may_no_longer_be_called_is_not(
    hook: Delivery, httpserver: HTTPServer, configured: Any
) -> None:
    configured(allow_private_targets=())
    delivery_try(hook.pk)
    assert "refused" in row(hook).error
    assert httpserver.log == []


def test_the_loser_of_a_claim_sends_nothing(hook: Delivery) -> None:
    now = timezone.now()
    assert _claim(hook.pk, now) is not None
    assert _claim(hook.pk, now) is None


def test_a_slow_try_writes_nothing_over_the_next_one(hook: Delivery) -> None:
    slow = _claim(hook.pk, timezone.now())
    assert slow is not None
    next_one = _claim(hook.pk, timezone.now() + HOLD)
    assert next_one is not None
    assert not _settle(slow, state=DeliveryState.FAILED, error="late")
    assert _settle(next_one, state=DeliveryState.DELIVERED, answer="200")
    assert row(hook).state == "delivered"


def test_a_worker_lost_during_a_try_leaves_it_due_again(
    hook: Delivery, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    assert _claim(hook.pk, timezone.now()) is not None
    assert sweep_deliveries() == 0
    Delivery.objects.update(next_at=timezone.now())
    assert sweep_deliveries() == 1
    assert (row(hook).state, row(hook).tries) == ("delivered", 2)


def test_a_worker_lost_during_the_last_try_ends_it(hook: Delivery, httpserver: HTTPServer) -> None:
    Delivery.objects.filter(pk=hook.pk).update(tries=MOST_TRIES)
    sweep_deliveries()
    assert row(hook).state == "failed"
    assert "lost" in row(hook).error
    assert httpserver.log == []


def test_what_waits_for_a_removed_channel_is_given_up(hook: Delivery, admin_actor: Any) -> None:
    channel_remove(actor=admin_actor, channel=hook.channel)
    assert (row(hook).state, row(hook).error) == ("failed", "the channel was removed")
    hook.channel.refresh_from_db()
    assert hook.channel.secret_encrypted == ""


def test_a_mail_is_plain_figures_and_a_link_and_hostile_text_is_inert(
    project: Project, configured: Any
) -> None:
    configured(email_url="smtp://localhost", base_url="https://kaizen.example.org")
    delivery = DeliveryFactory(channel=ChannelFactory(project=project))
    facts = {"prompt": "triage", "version": 4, "by": "<script>alert(1)</script>\r\nBcc: x@y.z"}
    delivery.notification.facts = facts
    delivery.notification.save()
    assert delivery_try(delivery.pk) == DeliveryState.DELIVERED
    sent = mail.outbox[0]
    assert sent.subject == "[Kaizen] Version promoted: triage version 4"
    assert f"https://kaizen.example.org{delivery.notification.path}" in sent.body
    html = str(sent.alternatives[0][0])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert sent.recipients() == ["team@example.org"]
    assert "approve" not in (sent.body + html).lower()


def test_without_a_mail_server_a_mail_fails_with_the_remedy(project: Project) -> None:
    delivery = DeliveryFactory(channel=ChannelFactory(project=project))
    delivery_try(delivery.pk)
    assert "KAIZEN_EMAIL_URL" in row(delivery).error
    assert mail.outbox == []


def test_a_chat_service_gets_the_same_words(
    httpserver: HTTPServer, project: Project, configured: Any
) -> None:
    configured(allow_private_targets=(f"localhost:{httpserver.port}",))
    httpserver.expect_request("/message", method="POST").respond_with_json({"id": 1})
    chat = f"gotify://localhost:{httpserver.port}/a-token"
    channel = ChannelFactory(project=project, kind=ChannelKind.CHAT.value, secret=chat)
    delivery = DeliveryFactory(channel=channel)
    assert delivery_try(delivery.pk) == DeliveryState.DELIVERED
    request, _ = httpserver.log[0]
    told = request.get_json()
    assert told["title"] == "Version promoted: triage version 4"
    assert "Instead of version: 3" in told["message"]


def test_the_legal_moves_of_a_delivery_are_these() -> None:
    legal = {(one, to) for one, follow in DELIVERY_TRANSITIONS.items() for to in follow}
    assert legal == {("waiting", "delivered"), ("waiting", "failed"), ("failed", "waiting")}


@pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
@pytest.mark.django_db(databases=[])
def test_of_two_workers_at_once_one_sends(live_database: str) -> None:
    """Without the network: the channel has no mail server, which is answered at once."""
    delivery = DeliveryFactory()
    gate, ended = threading.Barrier(2), []

    def work() -> None:
        gate.wait()
        ended.append(delivery_try(delivery.pk))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(said.partition(":")[0] for said in ended) == [NOT_DUE, "waiting"]
    assert row(delivery).tries == 1
