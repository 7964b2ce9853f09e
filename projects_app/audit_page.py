"""The audit trail of a project as its page shows it: filters, and each entry in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Q, QuerySet

from projects_app.models import AuditEntry, Project

LATEST = 500
SYSTEM = "system"
SHOWN = 160


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are meant; an empty word is any, and both days count."""

    action: str = ""
    actor: str = ""
    object_id: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def query(self) -> Q:
        found = Q(action=self.action) if self.action else Q()
        if self.actor:
            found &= Q(actor__in=_labels(self.actor))
        if self.object_id:
            # The index is by type and id: naming every type there is lets it be used.
            found &= Q(object_type__in=_types(), object_id=self.object_id)
        if self.first:
            found &= Q(at__gte=_midnight(self.first))
        if self.last:
            found &= Q(at__lt=_midnight(self.last + timedelta(days=1)))
        return found


@dataclass(frozen=True)
class Change:
    """One value of an entry; `is_pair` says that it was `before` and is `after` now."""

    name: str
    before: str
    after: str
    is_pair: bool

    @property
    def is_long(self) -> bool:
        return len(self.before) > SHOWN or len(self.after) > SHOWN


def audit_entries(project: Project, wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """Return the newest first; within days the index by day is the one to walk."""
    rows = AuditEntry.objects.filter(wanted.query, project=project)
    return rows.order_by("-at", "-id") if wanted.first or wanted.last else rows.order_by("-id")


def latest_actions(project: Project) -> list[str]:
    """Return what was done lately: a whole trail is too long to look through for a menu."""
    rows = AuditEntry.objects.filter(project=project).order_by("-id")
    return sorted(set(rows.values_list("action", flat=True)[:LATEST]))


def changes_of(data: Mapping[str, Any]) -> list[Change]:
    """Return what an entry holds, pairs of before and after where it has both."""
    moved = data.get("changes")
    found = list(_pairs(moved)) if isinstance(moved, Mapping) else []
    before = data.get("before")
    before = before if isinstance(before, Mapping) else {}
    if "replaced" in data and "number" in data:
        before = {**before, "number": data["replaced"]}
    told = {"before", "replaced", *(("changes",) if found else ())}
    for name, value in data.items():
        if name in told and (name != "replaced" or "number" in data):
            continue
        is_pair = name in before
        found.append(Change(name, _text(before[name]) if is_pair else "", _text(value), is_pair))
    return found


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """Return the entry as a line of the export has it."""
    return {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "reason": entry.reason,
        "data": entry.data,
        "request_id": entry.request_id,
    }


def _pairs(moved: Mapping[str, Any]) -> Iterator[Change]:
    for name, pair in moved.items():
        if isinstance(pair, list) and len(pair) == 2:
            yield Change(name, _text(pair[0]), _text(pair[1]), is_pair=True)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False)


def _labels(who: str) -> list[str]:
    """Return what the trail calls a name: it may be a person's, a key's, or the system."""
    if ":" in who or who == SYSTEM:
        return [who]
    return [f"user:{who}", f"key:{who}"]


def _types() -> list[str]:
    return sorted({model._meta.model_name or "" for model in apps.get_models()})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
