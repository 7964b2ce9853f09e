"""Build the one door to any model for a project: routes, prices, and the shared stores."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from kaizen_engine.clock import Clock, SystemClock
from kaizen_engine.errors import PriceUnknown
from kaizen_engine.llm.gateway import Gateway, Route, Tuning
from kaizen_engine.llm.meter import Meter
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import Price, Provider
from kaizen_engine.llm.vendors import Wire
from llm_app.journal import DatabaseJournal
from llm_app.models import Connection, ConnectionKind
from llm_app.selectors import connection_get, prices_of
from llm_app.services.connections import connection_secret
from llm_app.stores import DatabaseBreaker, DatabaseLimiter
from llm_app.trouble import Hearing, Overheard
from projects_app.exceptions import InvalidInput
from projects_app.models import Project
from projects_app.targets import check_target


def gateway_for(
    project: Project,
    models: Iterable[str],
    *,
    meter: Meter,
    journal: DatabaseJournal,
    clock: Clock | None = None,
    tuning: Tuning | None = None,
    hearing: Hearing | None = None,
) -> Gateway:
    """Return a gateway that serves `models`, each written `<connection slug>/<model>`.

    A `hearing` is told each failure of a provider, for a person who waits for the answer.

    Raises NotHere for a connection the project lacks, PriceUnknown for a model without a price,
    TargetRefused for an address that may no longer be called.
    """
    clock = clock or SystemClock()
    config = settings.CONFIG
    routes = routes_for(project, models)
    return Gateway(
        _overheard(routes, hearing) if hearing else routes,
        meter=meter,
        breaker=DatabaseBreaker(
            journal.writer,
            threshold=config.breaker_failures,
            reset_s=config.breaker_reset_s,
            clock=clock,
        ),
        limiter=DatabaseLimiter(journal.writer, clock=clock),
        journal=journal,
        clock=clock,
        call_timeout_s=config.call_timeout_s,
        tuning=tuning or Tuning(),
        on_lost=journal.lost,
    )


def _overheard(routes: Mapping[str, Route], hearing: Hearing) -> dict[str, Route]:
    return {
        slug: replace(route, provider=Overheard(route.provider, hearing))
        for slug, route in routes.items()
    }


def routes_for(project: Project, models: Iterable[str]) -> dict[str, Route]:
    routes: dict[str, Route] = {}
    for name in sorted(set(models)):
        slug, _, model = name.partition("/")
        if not model:
            raise InvalidInput(f"{name!r} is no model; write <connection>/<model>")
        connection = connection_get(project, slug)
        check_priced(connection, model)
        if slug not in routes:
            routes[slug] = _route(connection)
    return routes


def price_of(project: Project, name: str) -> Price:
    """Return the price of a model, written `<connection slug>/<model>`.

    Raises NotHere for a connection the project lacks, and PriceUnknown.
    """
    slug, _, model = name.partition("/")
    return check_priced(connection_get(project, slug), model)


def check_all_priced(project: Project, names: Iterable[str]) -> None:
    """Raise what `price_of` raises for the first of the models, by name, that has no price."""
    for name in sorted(names):
        price_of(project, name)


def check_priced(connection: Connection, model: str) -> Price:
    """Return the model's price, or raise PriceUnknown, saying where it is entered."""
    price = prices_of(connection).get(model)
    if price is None:
        message = (
            f"no price is known for {connection.slug}/{model}: an admin of {connection.project} "
            f"enters one in the admin under Model prices, at {_where_to_enter(connection, model)}, "
            f"or runs seed_prices for the connection {connection.slug}"
        )
        raise PriceUnknown(message)
    return price


def _where_to_enter(connection: Connection, model: str) -> str:
    form = reverse("admin:llm_app_modelprice_add")
    return f"{form}?{urlencode({'connection': str(connection.pk), 'model': model})}"


def breaker_key(connection: Connection) -> str:
    """Return the name of the connection's rows in the shared stores."""
    return f"{connection.project.public_id}/{connection.slug}"


def provider_for(connection: Connection) -> Provider:
    """Return the provider; its module, and with it DSPy, is imported only now."""
    if connection.kind == ConnectionKind.DEMO:
        from kaizen_engine.llm.providers.demo import DemoModel

        return DemoModel()
    check_target(connection.base_url)
    from kaizen_engine.optimize.dspy_native import NativeProvider

    secret = connection_secret(connection)
    return NativeProvider(connection.base_url, secret, wire=Wire(connection.kind))


def _route(connection: Connection) -> Route:
    return Route(
        provider=provider_for(connection),
        per_minute=connection.requests_per_minute,
        prices=PriceBook(prices_of(connection)),
        key=breaker_key(connection),
    )
