"""One message on its way, by email, signed webhook or chat. Each call ends within seconds."""

import hashlib
import hmac
import json
import smtplib
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from kaizen_engine.errors import KaizenError
from projects_app.chat_services import send_chat
from projects_app.exceptions import InvalidInput
from projects_app.models import Channel, ChannelKind, Delivery
from projects_app.notification_words import lines_of, link_of, text_of, title_of
from projects_app.secrets import SecretUnreadable, decrypt
from projects_app.targets import Target, check_target

TIMEOUT_S = 10.0
AGENT = "Kaizen-Notifications/1"


class DeliveryRefused(KaizenError):
    """The receiver did not take it; the message is shown in the log and holds no secret."""

    code = "delivery_refused"


def send(delivery: Delivery) -> str:
    """Return what the receiver answered, or raise DeliveryRefused with the reason."""
    channel = delivery.channel
    if channel.removed_at:
        raise DeliveryRefused("the channel was removed")
    senders = {
        ChannelKind.EMAIL: _email,
        ChannelKind.WEBHOOK: _webhook,
        ChannelKind.CHAT: _chat,
    }
    try:
        return senders[ChannelKind(channel.kind)](delivery, channel)
    except (InvalidInput, SecretUnreadable) as error:
        raise DeliveryRefused(str(error)) from error


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what `Kaizen-Signature` must hold: HMAC-SHA256 over `timestamp.body`."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def payload_of(delivery: Delivery) -> dict[str, Any]:
    notification = delivery.notification
    return {
        "id": str(notification.public_id),
        "event": notification.event,
        "at": notification.at.isoformat(),
        "project": notification.project.slug,
        "title": title_of(notification),
        "facts": notification.facts,
        "url": link_of(notification),
    }


def _email(delivery: Delivery, channel: Channel) -> str:
    if not settings.CONFIG.email_url:
        raise DeliveryRefused("no mail server is configured: an operator sets KAIZEN_EMAIL_URL")
    notification = delivery.notification
    facts = {"title": title_of(notification), "lines": lines_of(notification)}
    facts |= {"link": link_of(notification), "project": notification.project.slug}
    mail = EmailMultiAlternatives(
        subject=f"[Kaizen] {facts['title']}",
        body=text_of(notification),
        from_email=settings.CONFIG.email_from,
        to=[channel.address],
        headers={"Message-ID": _message_id(delivery), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("projects_app/mail.html", facts), "text/html")
    try:
        taken = mail.send()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise DeliveryRefused(f"the mail server refused: {type(error).__name__}") from error
    return "accepted by the mail server" if taken else ""


def _message_id(delivery: Delivery) -> str:
    """Return the same id for each try, so that a repeated mail is known as one."""
    host = urlsplit(settings.CONFIG.base_url).hostname or "kaizen"
    return f"<{delivery.public_id}@{host}>"


def _webhook(delivery: Delivery, channel: Channel) -> str:
    target = check_target(channel.address)
    body = json.dumps(payload_of(delivery), ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Kaizen-Event": delivery.notification.event,
        "Kaizen-Delivery": str(delivery.public_id),
        "Kaizen-Timestamp": timestamp,
        "Kaizen-Signature": signature(_secret(channel), timestamp, body),
    }
    status = _post(channel.address, target, headers, body)
    if not 200 <= status < 300:
        raise DeliveryRefused(f"the receiver answered {status}")
    return str(status)


def _post(url: str, target: Target, headers: dict[str, str], body: bytes) -> int:
    """Post to the very address that was checked, follow nothing, and read no answer's body."""
    place, host = urlsplit(url), target.host
    if target.addresses:
        address = target.addresses[0]
        netloc = f"[{address}]:{target.port}" if ":" in address else f"{address}:{target.port}"
        headers = {"Host": place.netloc, **headers}
        place = place._replace(netloc=netloc)
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        request = client.build_request(
            "POST",
            urlunsplit(place),
            headers=headers,
            content=body,
            extensions={"sni_hostname": host},
        )
        try:
            answer = client.send(request, stream=True)
        except httpx.HTTPError as error:
            what = type(error).__name__
            raise DeliveryRefused(f"the receiver could not be reached: {what}") from error
        answer.close()
        return answer.status_code


def _chat(delivery: Delivery, channel: Channel) -> str:
    notification = delivery.notification
    title, text = title_of(notification), text_of(notification)
    if not send_chat(_secret(channel), title=title, text=text):
        raise DeliveryRefused("the chat service did not take it: look at the address's token")
    return "taken"


def _secret(channel: Channel) -> str:
    """Return the secret in the clear, at the one moment when it is used."""
    return decrypt(channel.secret_encrypted, secret_place(channel))


def secret_place(channel: Channel) -> str:
    return f"channel:{channel.public_id}:secret"
