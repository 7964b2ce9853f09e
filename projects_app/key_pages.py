"""API keys by page: the list, one that is made and shown once, and revoking."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from projects_app.exceptions import InvalidInput
from projects_app.lists import Shown, show
from projects_app.models import ApiKey
from projects_app.pages import Visit, project_page
from projects_app.services.keys import api_key_create, api_key_revoke
from projects_app.settings_forms import KeyForm
from projects_app.settings_pages import require_admin

SOON = timedelta(days=14)


@dataclass(frozen=True)
class KeyRow:
    """A key with its standing in a word; `tone` is the chip's colour."""

    key: ApiKey
    standing: str
    tone: str

    @property
    def is_open(self) -> bool:
        return self.key.revoked_at is None


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def key_list_page(visit: Visit) -> HttpResponse:
    require_admin(visit)
    if visit.request.method != "POST":
        return _show(visit, KeyForm())
    form = KeyForm(visit.request.POST)
    if not form.is_valid():
        return _show(visit, form, status=400)
    data = form.cleaned_data
    try:
        key, text = api_key_create(
            actor=visit.actor,
            project=visit.project,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=form.expires_at,
        )
    except InvalidInput as error:
        form.add_error(None, str(error))
        return _show(visit, form, status=400)
    return _shown_once(visit, key, text)


@require_POST
@project_page
def key_revoke_page(visit: Visit, key_id: str) -> HttpResponse:
    require_admin(visit)
    key = _key(visit, key_id)
    api_key_revoke(actor=visit.actor, key=key, reason=visit.request.POST.get("reason", "")[:500])
    messages.success(visit.request, _("“%(name)s” is refused from now on.") % {"name": key.name})
    return redirect("settings:keys", project=visit.project.slug)


def _shown_once(visit: Visit, key: ApiKey, text: str) -> HttpResponse:
    """Answer with the key itself: a message would leave it in a cookie until the next page."""
    context = {"project": visit.project, "key": key, "text": text}
    page = render(visit.request, "settings/key_made.html", context)
    page["Cache-Control"] = "no-store"
    return page


def _show(visit: Visit, form: KeyForm, *, status: int = 200) -> HttpResponse:
    keys = ApiKey.objects.filter(project=visit.project).select_related("created_by")
    wanted = visit.request.GET.get("q", "").strip()
    if wanted:
        keys = keys.filter(name__icontains=wanted)
    page: Shown[ApiKey] = show(keys.order_by("-id"), visit.request.GET.get("page"))
    now = timezone.now()
    context = {
        "project": visit.project,
        "form": form,
        "page": page,
        "rows": [_row(key, now) for key in page],
        "wanted": wanted,
    }
    return render(visit.request, "settings/keys.html", context, status=status)


def _row(key: ApiKey, now: datetime) -> KeyRow:
    if key.revoked_at:
        return KeyRow(key, _("revoked"), "")
    if key.expires_at <= now:
        return KeyRow(key, _("expired"), "is-fail")
    if key.expires_at - now < SOON:
        return KeyRow(key, _("expires soon"), "is-fail")
    return KeyRow(key, _("works"), "is-pass") if key.last_used_at else KeyRow(key, _("unused"), "")


def _key(visit: Visit, key_id: str) -> ApiKey:
    try:
        wanted = uuid.UUID(key_id)
    except ValueError as error:
        raise Http404 from error
    found = ApiKey.objects.filter(project=visit.project, public_id=wanted).first()
    if found is None:
        raise Http404
    return found
