"""Lists of the admin: export of the chosen rows, and filters that read only the newest ones."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from projects_app.csv_export import csv_response

NEWEST = 1000
CHUNK = 500
HIDDEN = frozenset({"secret_hash", "secret_encrypted", "password", "last_used_ip"})


class ExportingLists(admin.ModelAdmin):  # type: ignore[type-arg]
    show_facets = admin.ShowFacets.NEVER
    actions: Any = ("export_csv",)
    # Columns that a person must not see, beside those that nobody may.
    kept_back: frozenset[str] = frozenset()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing of the admin deletes in bulk."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description=_("Export the chosen rows as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase:
        hidden = HIDDEN | self.kept_back
        fields = [one for one in self.opts.concrete_fields if one.name not in hidden]
        name = str(self.opts.verbose_name_plural).replace(" ", "-")
        return csv_response(name, [one.name for one in fields], _lines(queryset, fields))


def latest_filter(column: str, title: Any) -> type[SimpleListFilter]:
    """Return a filter by the words that the newest rows hold; the stock one reads every row."""

    class LatestFilter(SimpleListFilter):
        parameter_name = column

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            rows = model_admin.get_queryset(request).order_by("-pk")
            known = set(rows.values_list(column, flat=True)[:NEWEST])
            return [(word, word) for word in sorted(filter(None, known))]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{column: self.value()}) if self.value() else queryset

    LatestFilter.title = title
    return LatestFilter


def _lines(queryset: QuerySet[Any], fields: list["Field[Any, Any]"]) -> Iterator[list[str]]:
    for row in queryset.iterator(chunk_size=CHUNK):
        yield [_cell(getattr(row, one.attname)) for one in fields]


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
