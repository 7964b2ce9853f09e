"""Published prices as a library of the worker ships them; read as a file, without loading it.

A web process may lack that library, and then knows no published prices.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llm_app.models import ConnectionKind

FOLDER = Path("clients") / "model_metadata"
PRICED_MODES = frozenset({"chat", "responses", "embedding"})
_MTOK = Decimal(1_000_000)
_MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class PublishedPrice:
    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal


@dataclass(frozen=True)
class PriceTable:
    """Prices by bare model name, and the words that say where they are from."""

    source: str
    prices: Mapping[str, PublishedPrice]


def bundled_prices(kind: ConnectionKind | str, folder: Path | None = None) -> PriceTable:
    """Return what is published for a vendor; raises FileNotFoundError where no table is shipped.

    Prices are those of a plain call: no batch, no priority, and the first tier of context length.
    """
    place = folder or _installed_folder()
    table = json.loads(gzip.decompress((place / "snapshot.json.gz").read_bytes()))
    made = json.loads((place / "provenance.json").read_text())
    source = f"{_library()}, price table {made['version']}"
    return PriceTable(source, dict(_of_vendor(table, str(kind))))


def _installed_folder() -> Path:
    # For a name without dots this finds the package and imports nothing.
    found = find_spec("dspy")
    if found is None or not found.origin:
        message = "no price table is installed here: run this where the worker's libraries are"
        raise FileNotFoundError(message)
    return Path(found.origin).parent / FOLDER


def _library() -> str:
    try:
        return f"dspy {version('dspy')}"
    except PackageNotFoundError:
        return "dspy"


def _of_vendor(table: Mapping[str, Any], kind: str) -> Iterator[tuple[str, PublishedPrice]]:
    for name, entry in table.items():
        is_vendors = entry.get("litellm_provider") == kind
        if is_vendors and entry.get("mode") in PRICED_MODES and "input_cost_per_token" in entry:
            yield name.removeprefix(f"{kind}/"), _price(entry)


def _price(entry: Mapping[str, Any]) -> PublishedPrice:
    answered = entry.get("output_cost_per_token", 0)
    # Thinking is billed as an answer; where it has a price of its own, the dearer one counts.
    dearest = max(answered, entry.get("output_cost_per_reasoning_token", 0))
    return PublishedPrice(_per_mtok(entry["input_cost_per_token"]), _per_mtok(dearest))


def _per_mtok(per_token: float) -> Decimal:
    return (Decimal(str(per_token)) * _MTOK).quantize(_MICRO)
