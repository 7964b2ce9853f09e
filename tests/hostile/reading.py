"""Reads a page as a browser would, for what could run, and a file as a spreadsheet would."""

import csv
import io
from html.parser import HTMLParser
from urllib.parse import unquote

INERT_SCRIPTS = frozenset({"application/json"})
LINKS = frozenset(
    {"href", "src", "action", "formaction", "data", "hx-get", "hx-post", "xlink:href"}
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Dangers(HTMLParser):
    """Collects scripts of the page's own, handlers in attributes, and links that run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.files: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and "src" not in given and given.get("type") not in INERT_SCRIPTS:
            self.found.append("a script in the page")
        if tag in ("iframe", "object", "embed") or given.get("src") == "x":
            self.found.append(f"<{tag}>")
        self.found += [f"<{tag} {name}>" for name in given if name.startswith(("on", "hx-on"))]
        for name in LINKS & given.keys():
            place = "".join(unquote(given[name]).split()).lower()
            if place.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"<{tag} {name}={place[:30]}>")
        place = given.get("href", "")
        if any(end in place.partition("?")[0] for end in (".csv", ".jsonl", ".json")):
            self.files.add(place)


def dangers_of(html: str) -> Dangers:
    reader = Dangers()
    reader.feed(html)
    return reader


def formulas_of(text: str) -> list[str]:
    """Return the cells that a spreadsheet would compute."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    return [
        cell[:40] for cell in cells if cell.lstrip(" ").startswith(FORMULA) and not _is_number(cell)
    ]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
