"""Channels: who is told, of what, and the secrets by which that is done."""

import secrets
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.utils import timezone

from kaizen_engine.states import DeliveryState
from projects_app.actors import Actor
from projects_app.chat_services import check_chat, masked_chat
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.models import (
    Channel,
    ChannelKind,
    Delivery,
    Event,
    Notification,
    Project,
    Role,
)
from projects_app.secrets import SecretUnreadable, encrypt, is_current, renew
from projects_app.senders import secret_place
from projects_app.services.audit import audit_record
from projects_app.services.notifications import deliveries_add
from projects_app.targets import check_target
from projects_app.validation import check_model

MOST_CHANNELS = 20
SUBSCRIBABLE = tuple(event for event in Event if event is not Event.TEST)
REMOVED = "the channel was removed"


@transaction.atomic
def channel_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    kind: ChannelKind | str,
    address: str,
    events: Sequence[str],
) -> tuple[Channel, str]:
    """Return the channel and, for a webhook, the secret that signs it, which is shown once."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    if project.channels.filter(removed_at=None).count() >= MOST_CHANNELS:
        raise Conflict(f"a project has at most {MOST_CHANNELS} channels", code="too_many")
    channel = Channel(project=project, name=name.strip(), kind=str(kind), created_by=actor.user)
    channel.events = _known(events)
    _point(channel, address.strip())
    shown = _new_secret() if channel.kind == ChannelKind.WEBHOOK else ""
    if shown:
        _seal(channel, shown)
    check_model(channel)
    channel.save()
    _record(actor, channel, "created", kind=channel.kind, address=channel.address)
    return channel, shown


@transaction.atomic
def channel_update(
    *, actor: Actor, channel: Channel, name: str, events: Sequence[str], is_active: bool
) -> Channel:
    """Say what it is told. Another address is another channel: remove this one and add it."""
    actor.require(role=Role.ADMIN, project_id=channel.project_id)
    channel.name, channel.events, channel.is_active = name.strip(), _known(events), is_active
    check_model(channel)
    told = {"name": channel.name, "events": channel.events, "is_active": is_active}
    if not _there(channel).update(**told):
        raise NotHere("this channel was removed")
    _record(actor, channel, "updated", events=channel.events, is_active=is_active)
    return channel


@transaction.atomic
def channel_secret_renew(*, actor: Actor, channel: Channel) -> str:
    """Sign with a new secret from now on, and return it; the old one signs nothing more."""
    actor.require(role=Role.ADMIN, project_id=channel.project_id)
    if channel.kind != ChannelKind.WEBHOOK:
        raise Conflict("only a webhook has a secret that signs", code="conflict")
    shown = _new_secret()
    _seal(channel, shown)
    kept = {"secret_encrypted": channel.secret_encrypted, "secret_last4": channel.secret_last4}
    if not _there(channel).update(**kept):
        raise NotHere("this channel was removed")
    _record(actor, channel, "secret_renewed", last4=channel.secret_last4)
    return shown


@transaction.atomic
def channel_remove(*, actor: Actor, channel: Channel) -> None:
    """Forget its secret, and give up what still waits for it; the log stays."""
    actor.require(role=Role.ADMIN, project_id=channel.project_id)
    gone = {"removed_at": timezone.now(), "is_active": False}
    if not _there(channel).update(**gone, secret_encrypted="", secret_last4=""):
        raise NotHere("this channel was removed")
    waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.WAITING.value)
    waiting.update(state=DeliveryState.FAILED.value, error=REMOVED, ended_at=timezone.now())
    _record(actor, channel, "removed")


@transaction.atomic
def channel_test(*, actor: Actor, channel: Channel) -> Delivery:
    """Send a message that says that the channel works, also through one that is switched off."""
    actor.require(role=Role.ADMIN, project_id=channel.project_id)
    if channel.removed_at:
        raise NotHere("this channel was removed")
    notification = Notification.objects.create(
        project_id=channel.project_id,
        event=Event.TEST.value,
        key=f"{Event.TEST.value}:{uuid4()}",
        facts={"asked_by": actor.label},
        path=f"/p/{channel.project.slug}/settings/notifications/",
    )
    _record(actor, channel, "tested")
    return deliveries_add(notification, [channel])[0]


def channel_secrets_rotate() -> tuple[int, list[str]]:
    """Encrypt anew what an older key holds; return how many, and the channels that none opens."""
    renewed, closed = 0, []
    for channel in Channel.objects.exclude(secret_encrypted=""):
        old = channel.secret_encrypted
        try:
            new = "" if is_current(old) else renew(old, secret_place(channel))
        except SecretUnreadable:
            closed.append(str(channel.public_id))
            continue
        same = Channel.objects.filter(pk=channel.pk, secret_encrypted=old)
        renewed += same.update(secret_encrypted=new) if new else 0
    return renewed, closed


def _there(channel: Channel) -> models.QuerySet[Channel]:
    return Channel.objects.filter(pk=channel.pk, removed_at=None)


def _known(events: Sequence[str]) -> list[str]:
    unknown = sorted(set(events) - {event.value for event in SUBSCRIBABLE})
    if unknown or not events:
        message = f"unknown events {unknown}" if unknown else "choose at least one event"
        raise InvalidInput(message, errors={"events": message})
    return [event.value for event in SUBSCRIBABLE if event.value in events]


def _point(channel: Channel, address: str) -> None:
    """Check the address; that of a chat service is a secret itself, and shown without it."""
    try:
        if channel.kind == ChannelKind.EMAIL:
            validate_email(address)
        elif channel.kind == ChannelKind.WEBHOOK:
            check_target(address)
        elif channel.kind == ChannelKind.CHAT:
            check_chat(address)
            _seal(channel, address)
            address = masked_chat(address)
    except (InvalidInput, ValidationError) as error:
        text = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        code = getattr(error, "code", None) or "invalid"
        raise InvalidInput(text, code=code, errors={"address": text}) from error
    channel.address = address


def _new_secret() -> str:
    return f"kz_hook_{secrets.token_urlsafe(32)}"


def _seal(channel: Channel, secret: str) -> None:
    channel.secret_encrypted = encrypt(secret, secret_place(channel))
    channel.secret_last4 = secret[-4:] if channel.kind == ChannelKind.WEBHOOK else ""


def _record(actor: Actor, channel: Channel, word: str, **data: Any) -> None:
    action = f"kaizen.channel.{word}"
    audit_record(actor=actor, action=action, subject=channel, name=channel.name, **data)
