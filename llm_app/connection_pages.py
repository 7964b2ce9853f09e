"""Connections by page: what there is, one with its prices, and whether it answers."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_engine.errors import KaizenError
from kaizen_engine.llm.vendors import VENDOR_URLS
from llm_app.connection_forms import ConnectionForm, PlaceForm, PriceForm, SecretForm
from llm_app.gateways import breaker_key
from llm_app.models import BreakerState, BreakerWord, Connection, ModelPrice
from llm_app.services.connection_test import connection_test_ask, is_tested_now
from llm_app.services.connections import (
    connection_create,
    connection_secret_set,
    connection_update,
    price_set,
)
from llm_app.services.prices import prices_seed
from projects_app.lists import Shown, show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from projects_app.settings_pages import require_admin


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def connection_list_page(visit: Visit) -> HttpResponse:
    """Everybody reads what there is; admins add."""
    if visit.request.method != "POST":
        return _list(visit, ConnectionForm())
    require_admin(visit)
    form = ConnectionForm(visit.request.POST)
    if not form.is_valid():
        return _list(visit, form, status=400)
    try:
        made = connection_create(actor=visit.actor, project=visit.project, **form.cleaned_data)
    except KaizenError as error:
        form.refuse(error)
        return _list(visit, form, status=400)
    messages.success(
        visit.request, _("%(slug)s is connected. Enter what its models cost.") % {"slug": made.slug}
    )
    return _to(visit, made)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def connection_page(visit: Visit, slug: str) -> HttpResponse:
    connection = _connection(visit, slug)
    if visit.request.method != "POST":
        return _one(visit, connection)
    require_admin(visit)
    form = PlaceForm.of(connection, visit.request.POST)
    if form.is_valid():
        before = connection.base_url
        try:
            changed = connection_update(
                actor=visit.actor, connection=connection, **form.cleaned_data
            )
        except KaizenError as error:
            form.refuse(error)
        else:
            said = _("The connection is saved.")
            if changed.base_url != before:
                said = _("The connection is saved. Its secret was removed: enter the new one.")
            messages.success(visit.request, said)
            return _to(visit, connection)
    return _one(visit, _connection(visit, slug), place=form, status=400)


@require_POST
@project_page
def connection_secret_page(visit: Visit, slug: str) -> HttpResponse:
    require_admin(visit)
    connection, form = _connection(visit, slug), SecretForm(visit.request.POST)
    if form.is_valid():
        secret = form.cleaned_data["secret"]
        try:
            connection_secret_set(actor=visit.actor, connection=connection, secret=secret)
        except KaizenError as error:
            form.add_error("secret", str(error))
        else:
            said = _("The secret is stored.") if secret else _("The secret is removed.")
            messages.success(visit.request, said)
            return _to(visit, connection)
    return _one(visit, connection, secret=form, status=400)


@require_POST
@project_page
def connection_price_page(visit: Visit, slug: str) -> HttpResponse:
    require_admin(visit)
    connection, form = _connection(visit, slug), PriceForm(visit.request.POST)
    if form.is_valid():
        data = {**form.cleaned_data, "source": form.cleaned_data["source"] or "entered by hand"}
        try:
            price = price_set(actor=visit.actor, connection=connection, **data)
        except KaizenError as error:
            form.add_error(None, str(error))
        else:
            said = _("The price of %(model)s is kept with today's date.")
            messages.success(visit.request, said % {"model": price.model})
            return _to(visit, connection)
    return _one(visit, connection, price=form, status=400)


@require_POST
@project_page
def connection_seed_page(visit: Visit, slug: str) -> HttpResponse:
    """Enter what the vendor publishes; prices that were typed in stay."""
    require_admin(visit)
    connection = _connection(visit, slug)
    try:
        found = prices_seed(actor=visit.actor, connection=connection)
    except KaizenError as error:
        messages.error(visit.request, _("No price was entered: %(why)s.") % {"why": error})
    else:
        counts = {"new": len(found.written), "kept": len(found.kept), "source": found.source}
        said = _("%(new)d prices entered from %(source)s; %(kept)d typed in before were kept.")
        messages.success(visit.request, said % counts)
    return _to(visit, connection)


@require_POST
@project_page
def connection_test_page(visit: Visit, slug: str) -> HttpResponse:
    require_admin(visit)
    connection = _connection(visit, slug)
    model = visit.request.POST.get("model", "")[:200]
    try:
        connection_test_ask(actor=visit.actor, connection=connection, model=model)
    except KaizenError as error:
        messages.error(visit.request, _("It was not tested: %(why)s.") % {"why": error})
    return _to(visit, connection)


@require_safe
@project_page
def connection_test_fragment(visit: Visit, slug: str) -> HttpResponse:
    """Answer the page's poll; 286 with the outcome ends the polling."""
    connection = _connection(visit, slug)
    is_under_way = is_tested_now(connection)
    context = {
        "project": visit.project,
        "connection": connection,
        "is_under_way": is_under_way,
    }
    response = render(visit.request, "settings/_connection_test.html", context)
    if not is_under_way:
        response.status_code = HttpResponseStopPolling.status_code
    return response


def _list(visit: Visit, form: ConnectionForm, *, status: int = 200) -> HttpResponse:
    rows = Connection.objects.filter(project=visit.project).annotate(priced=Count("prices"))
    page: Shown[Connection] = show(rows.order_by("slug"), visit.request.GET.get("page"))
    context = {
        "project": visit.project,
        "form": form,
        "page": page,
        "may_write": visit.allows(Role.ADMIN),
    }
    return render(visit.request, "settings/connections.html", context, status=status)


def _one(visit: Visit, connection: Connection, *, status: int = 200, **forms: Any) -> HttpResponse:
    rows = ModelPrice.objects.filter(connection=connection).order_by("model")
    prices: Shown[ModelPrice] = show(rows, visit.request.GET.get("page"))
    circuit = BreakerState.objects.filter(key=breaker_key(connection)).first()
    asked_for = visit.request.GET.get("model", "")[:200]
    context = {
        "project": visit.project,
        "connection": connection,
        "place": forms.get("place") or PlaceForm.of(connection),
        "secret": forms.get("secret") or SecretForm(),
        "price": forms.get("price") or PriceForm(initial={"model": asked_for}),
        "page": prices,
        "models": list(rows.values_list("model", flat=True)[:500]),
        "circuit": circuit if circuit and circuit.state != BreakerWord.CLOSED else None,
        "is_under_way": is_tested_now(connection),
        "is_vendors": VENDOR_URLS.get(connection.kind) == connection.base_url != "",
        "may_write": visit.allows(Role.ADMIN),
    }
    return render(visit.request, "settings/connection.html", context, status=status)


def _connection(visit: Visit, slug: str) -> Connection:
    rows = Connection.objects.select_related("project")
    found = rows.filter(project=visit.project, slug=slug).first()
    if found is None:
        raise Http404
    return found


def _to(visit: Visit, connection: Connection) -> HttpResponse:
    return redirect("settings:connection", project=visit.project.slug, slug=connection.slug)
