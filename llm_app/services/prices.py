"""Prices that nobody has to type: those that vendors publish, with the day they were read."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from kaizen_engine.llm.vendors import VENDOR_URLS
from llm_app.models import Connection, ModelPrice
from llm_app.price_table import PriceTable, bundled_prices
from llm_app.services.connections import price_set
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import Role


@dataclass(frozen=True)
class Seeding:
    """Models by what became of their price. `kept` were entered by hand and stay."""

    source: str
    written: tuple[str, ...]
    same: tuple[str, ...]
    kept: tuple[str, ...]
    unknown: tuple[str, ...]


@transaction.atomic
def prices_seed(
    *,
    actor: Actor,
    connection: Connection,
    models: Collection[str] = (),
    replace: bool = False,
    folder: Path | None = None,
) -> Seeding:
    """Enter the published prices of these models, or of all that the vendor has.

    A price that somebody entered stays, unless `replace`. Raises InvalidInput for a connection to
    another address than the vendor's own, whose prices nobody publishes.
    """
    actor.require(role=Role.ADMIN, project_id=connection.project_id)
    table = _table_for(connection, folder)
    wanted = sorted(models) or sorted(table.prices)
    found = {row.model: row for row in connection.prices.all()}
    kinds: dict[str, list[str]] = {"written": [], "same": [], "kept": [], "unknown": []}
    for model in wanted:
        word = _fate(found.get(model), table, model, replace=replace)
        kinds[word].append(model)
        if word == "written":
            price = table.prices[model]
            price_set(
                actor=actor,
                connection=connection,
                model=model,
                input_usd_per_mtok=price.input_usd_per_mtok,
                output_usd_per_mtok=price.output_usd_per_mtok,
                source=table.source,
            )
    return Seeding(table.source, **{word: tuple(names) for word, names in kinds.items()})


def _table_for(connection: Connection, folder: Path | None) -> PriceTable:
    own = VENDOR_URLS.get(connection.kind)
    if own is None or connection.base_url != own:
        message = (
            f"{connection.slug} leads to {connection.base_url or 'no vendor'}: prices are "
            "published for the vendors' own addresses only; enter them in the admin"
        )
        raise InvalidInput(message)
    try:
        return bundled_prices(connection.kind, folder)
    except FileNotFoundError as error:
        raise InvalidInput(str(error)) from error


def _fate(row: ModelPrice | None, table: PriceTable, model: str, *, replace: bool) -> str:
    price = table.prices.get(model)
    if price is None:
        return "unknown"
    if row is None:
        return "written"
    known = (row.input_usd_per_mtok, row.output_usd_per_mtok)
    if known == (price.input_usd_per_mtok, price.output_usd_per_mtok):
        return "same"
    is_seeded = "price table" in row.source
    return "written" if replace or is_seeded else "kept"
