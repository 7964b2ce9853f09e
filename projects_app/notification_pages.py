"""Who is told what: an admin adds channels, tries them, and reads what became of each message."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from projects_app.chat_services import HOSTED, VENDORS
from projects_app.csv_export import csv_response
from projects_app.exceptions import Conflict, InvalidInput, ServiceError
from projects_app.lists import Shown, show
from projects_app.models import Channel, Delivery, Role
from projects_app.notification_forms import KINDS, ChangeForm, ChannelForm, LogForm
from projects_app.notification_log import LogLine, channels_shown, deliveries_of
from projects_app.notification_words import EVENT_WORDS
from projects_app.pages import Visit, project_page
from projects_app.services.channels import (
    SUBSCRIBABLE,
    channel_create,
    channel_remove,
    channel_secret_renew,
    channel_test,
    channel_update,
)
from projects_app.services.deliveries import delivery_send_again

COLUMNS = ("at", "event", "channel", "kind", "state", "tries", "answer", "error", "ended_at")
CHUNK = 1000


@require_safe
@project_page
def notifications_page(visit: Visit) -> HttpResponse:
    _must_be_admin(visit)
    return _page(visit, ChannelForm(initial={"events": [event.value for event in SUBSCRIBABLE]}))


@require_POST
@project_page
def add(visit: Visit) -> HttpResponse:
    """Add a channel; a webhook's secret is in this one answer and in no other."""
    _must_be_admin(visit)
    form = ChannelForm(visit.request.POST)
    if form.is_valid():
        try:
            channel, secret = channel_create(
                actor=visit.actor, project=visit.project, **form.cleaned_data
            )
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            return _added(visit, channel, secret)
    return _page(visit, form, status=400)


@require_safe
@project_page
def channel_page(visit: Visit, channel: uuid.UUID) -> HttpResponse:
    found = _channel(visit, channel)
    now = {"name": found.name, "events": found.events, "is_active": found.is_active}
    return _channel_page(visit, found, ChangeForm(initial=now))


@require_POST
@project_page
def change(visit: Visit, channel: uuid.UUID) -> HttpResponse:
    found, form = _channel(visit, channel), ChangeForm(visit.request.POST)
    if form.is_valid():
        try:
            channel_update(actor=visit.actor, channel=found, **form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(visit.request, _("The channel is changed."))
            return _back(visit)
    return _channel_page(visit, _channel(visit, channel), form, status=400)


@require_POST
@project_page
def renew(visit: Visit, channel: uuid.UUID) -> HttpResponse:
    found = _channel(visit, channel)
    try:
        secret = channel_secret_renew(actor=visit.actor, channel=found)
    except ServiceError as error:
        messages.error(visit.request, str(error))
        return _back(visit)
    return _shown_once(visit, found, secret)


@require_POST
@project_page
def remove(visit: Visit, channel: uuid.UUID) -> HttpResponse:
    found = _channel(visit, channel)
    said = _("The channel %(name)s is removed; its log stays.") % {"name": found.name}
    return _done(visit, said, lambda: channel_remove(actor=visit.actor, channel=found))


@require_POST
@project_page
def test(visit: Visit, channel: uuid.UUID) -> HttpResponse:
    found = _channel(visit, channel)
    said = _("A test is on its way to %(name)s: see below how it ends.") % {"name": found.name}
    return _done(visit, said, lambda: channel_test(actor=visit.actor, channel=found))


@require_POST
@project_page
def send_again(visit: Visit, delivery: uuid.UUID) -> HttpResponse:
    _must_be_admin(visit)
    rows = Delivery.objects.filter(project=visit.project, public_id=delivery)
    found = rows.select_related("channel").first()
    if found is None:
        raise Http404
    said = _("The message is on its way again.")
    return _done(visit, said, lambda: delivery_send_again(actor=visit.actor, delivery=found))


@require_safe
@project_page
def log_csv(visit: Visit) -> HttpResponseBase:
    _must_be_admin(visit)
    wanted = LogForm(visit.project, visit.request.GET).wanted
    rows = deliveries_of(visit.project, wanted).iterator(chunk_size=CHUNK)
    return csv_response(f"notifications-{visit.project.slug}", COLUMNS, _lines(rows))


def _lines(rows: Iterator[Delivery]) -> Iterator[list[Any]]:
    for row in rows:
        about = (row.created_at.isoformat(), row.notification.event, row.channel.name)
        ended = row.ended_at.isoformat() if row.ended_at else ""
        yield [*about, row.channel.kind, row.state, row.tries, row.answer, row.error, ended]


def _page(visit: Visit, form: ChannelForm, status: int = 200) -> HttpResponse:
    query = visit.request.GET
    log_form = LogForm(visit.project, query)
    page: Shown[Delivery] = show(deliveries_of(visit.project, log_form.wanted), query.get("page"))
    lines = [LogLine(row) for row in page]
    context = {
        "project": visit.project,
        "channels": [_card(channel) for channel in channels_shown(visit.project)],
        "form": form,
        "log_form": log_form,
        "page": page,
        "lines": lines,
        "is_moving": any(line.is_about_to_change for line in lines),
        "has_mail_server": bool(settings.CONFIG.email_url),
        "chats": VENDORS.values(),
        "hosted_chats": HOSTED.values(),
    }
    return render(visit.request, "projects_app/notifications.html", context, status=status)


def _card(channel: Channel) -> dict[str, Any]:
    told = [EVENT_WORDS[event] for event in SUBSCRIBABLE if event.value in channel.events]
    return {
        "channel": channel,
        "kind": KINDS[channel.kind],  # type: ignore[index]
        "told": told,
        "is_told_all": len(told) == len(SUBSCRIBABLE),
    }


def _channel_page(
    visit: Visit, channel: Channel, form: ChangeForm, status: int = 200
) -> HttpResponse:
    context = {"project": visit.project, "form": form, **_card(channel)}
    return render(visit.request, "projects_app/channel.html", context, status=status)


def _added(visit: Visit, channel: Channel, secret: str) -> HttpResponse:
    if secret:
        return _shown_once(visit, channel, secret)
    messages.success(visit.request, _("The channel is added. Send it a test to see it work."))
    return _back(visit)


def _shown_once(visit: Visit, channel: Channel, secret: str) -> HttpResponse:
    """Answer with the secret itself: a message would leave it in a cookie until the next page."""
    context = {"project": visit.project, "channel": channel, "secret": secret}
    page = render(visit.request, "projects_app/channel_secret.html", context)
    page["Cache-Control"] = "no-store"
    return page


def _channel(visit: Visit, public_id: uuid.UUID) -> Channel:
    _must_be_admin(visit)
    rows = Channel.objects.filter(project=visit.project, removed_at=None)
    found = rows.select_related("project").filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _must_be_admin(visit: Visit) -> None:
    if not visit.allows(Role.ADMIN):
        raise PermissionDenied


def _back(visit: Visit) -> HttpResponse:
    return redirect("notifications:page", project=visit.project.slug)


def _done(visit: Visit, said: str, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except ServiceError as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, said)
    return _back(visit)
