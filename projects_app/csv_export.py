"""CSV for spreadsheets: what begins like a formula is text there as well."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """Hands each written line back."""

    def write(self, text: str) -> str:
        return text


def safe_cell(value: Any) -> Any:
    """Return the value as a spreadsheet may read it; a text like a formula gets an apostrophe."""
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """Stream the rows as a file of this name."""
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        # The mark tells Excel that this is UTF-8.
        yield "\ufeff" + writer.writerow(header)
        for row in rows:
            yield writer.writerow([safe_cell(value) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
