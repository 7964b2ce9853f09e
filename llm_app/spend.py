"""What was spent: the ledger added up by day, role, model and job. A day is one of UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from llm_app.models import LedgerEntry
from projects_app.models import Project

GROUPINGS = ("day", "role", "model", "job")
_FIELDS = {"day": "day", "role": "role", "model": "model", "job": "subject"}
NEWEST = 2000
_NEWEST_FIRST = frozenset({"day"})


@dataclass(frozen=True)
class SpendFilter:
    """Which entries count; both days do, and an empty word is any."""

    first: date
    last: date
    role: str = ""
    model: str = ""
    job: str = ""

    @property
    def query(self) -> Q:
        begin = datetime.combine(self.first, time.min, UTC)
        end = datetime.combine(self.last + timedelta(days=1), time.min, UTC)
        found = Q(at__gte=begin, at__lt=end)
        for name, value in (("role", self.role), ("model", self.model), ("subject", self.job)):
            found &= Q(**{name: value}) if value else Q()
        return found


@dataclass(frozen=True)
class Spend:
    """`uncertain_usd` is the part that may not have been billed: calls that brought no answer.

    `purpose` is what the calls of one job were made for.
    """

    key: Any
    calls: int
    input_tokens: int
    output_tokens: int
    usd: Decimal
    uncertain_usd: Decimal
    purpose: str = ""


def spend_total(project: Project, wanted: SpendFilter) -> Spend:
    sums = _entries(project, wanted).aggregate(**_sums())
    return _spend(None, sums)


def spend_by(grouping: str, project: Project, wanted: SpendFilter) -> list[Spend]:
    """Return one row a day, role, model or job: days newest first, all else dearest first."""
    field = _FIELDS[grouping]
    rows = _entries(project, wanted).values(field).annotate(**_sums())
    if grouping == "job":
        rows = rows.annotate(made_for=Max("purpose"))
    order = f"-{field}" if grouping in _NEWEST_FIRST else "-usd"
    return [_spend(row[field], row) for row in rows.order_by(order, field)]


def spend_rows(project: Project, wanted: SpendFilter) -> Iterator[dict[str, Any]]:
    """Return the finest sums, of every day, purpose, job, role and model apart."""
    names = ("day", "purpose", "subject", "role", "model")
    rows = _entries(project, wanted).values(*names).annotate(**_sums())
    yield from rows.order_by(*names).iterator(chunk_size=1000)


def choices_of(project: Project, field: str) -> list[str]:
    """Return the words that the newest entries hold: reading all of a large ledger takes long."""
    newest = LedgerEntry.objects.filter(project=project).order_by("-at")
    return sorted(set(newest.values_list(field, flat=True)[:NEWEST]))


def _entries(project: Project, wanted: SpendFilter) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(wanted.query, project=project)
    return entries.annotate(day=TruncDate("at", tzinfo=UTC))


def _sums() -> dict[str, Any]:
    return {
        "calls": Count("pk"),
        "sent": Sum("input_tokens"),
        "answered": Sum("output_tokens"),
        "usd": Sum("cost_usd"),
        "uncertain": Sum(F("cost_usd"), filter=Q(is_upper_bound=True)),
    }


def _spend(key: Any, row: dict[str, Any]) -> Spend:
    return Spend(
        key=key,
        calls=row["calls"],
        input_tokens=row["sent"] or 0,
        output_tokens=row["answered"] or 0,
        usd=row["usd"] or Decimal(0),
        uncertain_usd=row["uncertain"] or Decimal(0),
        purpose=row.get("made_for", ""),
    )
