"""Looking connections and prices up."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Sum

from kaizen_engine.llm.meter import Spent
from kaizen_engine.llm.types import Price
from llm_app.models import CallRecord, Connection, LedgerEntry
from projects_app.exceptions import NotHere
from projects_app.models import Project


def connection_get(project: Project, slug: str) -> Connection:
    connection = Connection.objects.filter(project=project, slug=slug).first()
    if connection is None:
        raise NotHere(f"the project has no connection named “{slug}”", code="unknown_connection")
    return connection


def kind_behind(project_id: int, model: str) -> str:
    """Return the kind of connection that answers for `<connection slug>/<model>`, or nothing."""
    slug = model.partition("/")[0]
    kinds = Connection.objects.filter(project_id=project_id, slug=slug).values_list("kind")
    return str(kinds[0][0]) if slug and kinds else ""


def prices_of(connection: Connection) -> Mapping[str, Price]:
    """Return the known prices by bare model name."""
    return {
        row.model: Price(row.input_usd_per_mtok, row.output_usd_per_mtok)
        for row in connection.prices.all()
    }


def spent_on(subject: UUID) -> Spent:
    """Return what a job or other subject was charged with so far, failed calls included.

    The tries of a call that never got its answer are in the ledger alone, those that cost
    nothing in the journal alone: the larger sum counts none of them twice.
    """
    money = LedgerEntry.objects.filter(subject=subject).aggregate(
        usd=Sum("cost_usd"),
        tokens=Sum(F("input_tokens") + F("output_tokens")),
        charges=Count("id"),
    )
    tries = CallRecord.objects.filter(subject=subject).aggregate(tries=Sum("tries"))["tries"]
    return Spent(
        money["usd"] or Decimal(0), money["tokens"] or 0, max(tries or 0, money["charges"])
    )
