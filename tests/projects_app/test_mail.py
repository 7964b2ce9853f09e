"""Email over a real connection to a mail server of the test's own."""

from dataclasses import replace
from typing import Any

import environ
import pytest
from django.conf import settings as live_settings

from kaizen_engine.states import DeliveryState
from projects_app.models import Project
from projects_app.services.deliveries import delivery_try
from tests.factories.notifications import ChannelFactory, DeliveryFactory
from tests.servers.scripted_smtp import MailServer, mail_server

pytestmark = pytest.mark.django_db


def use(server: MailServer, settings: Any) -> None:
    """Configure the server as an operator does, by one address."""
    address = f"smtp://127.0.0.1:{server.port}"
    for name, value in environ.Env.email_url_config(address).items():
        setattr(settings, name, value)
    settings.CONFIG = replace(
        live_settings.CONFIG, email_url=address, email_from="kaizen@example.org"
    )


def test_a_mail_server_gets_both_forms_of_one_message(project: Project, settings: Any) -> None:
    with mail_server() as server:
        use(server, settings)
        delivery = DeliveryFactory(channel=ChannelFactory(project=project))
        assert delivery_try(delivery.pk) == DeliveryState.DELIVERED
        [letter] = server.letters
    assert letter["From"] == "kaizen@example.org"
    assert letter["To"] == "team@example.org"
    assert letter["Subject"].startswith("[Kaizen] ")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert str(delivery.public_id) in letter["Message-ID"]
    for form in ("plain", "html"):
        part = letter.get_body((form,))
        assert part is not None
        assert delivery.notification.path in part.get_content()


def test_a_refused_address_is_tried_again_and_says_so(project: Project, settings: Any) -> None:
    with mail_server("team@example.org") as server:
        use(server, settings)
        delivery = DeliveryFactory(channel=ChannelFactory(project=project))
        delivery_try(delivery.pk)
        assert server.letters == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (DeliveryState.WAITING.value, 1)
    assert delivery.error == "the mail server refused: SMTPRecipientsRefused"
