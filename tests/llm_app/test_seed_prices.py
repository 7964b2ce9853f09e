"""Published prices: the vendor's own, never over what a person typed, and no library loaded."""

import gzip
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from kaizen_engine.llm.vendors import VENDOR_URLS
from llm_app.models import Connection, ModelPrice
from llm_app.price_table import bundled_prices
from llm_app.services.connections import price_set
from llm_app.services.prices import prices_seed
from projects_app.actors import Actor
from projects_app.commands import CheckFailed
from projects_app.exceptions import InvalidInput, NotAllowed
from projects_app.models import AuditEntry, Project
from tests.factories.llm import ConnectionFactory

TABLE = {
    "small": {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "output_cost_per_reasoning_token": 9e-07,
        "input_cost_per_token_priority": 1,
    },
    "anthropic/large": {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
    },
    "picture": {"litellm_provider": "anthropic", "mode": "image_generation"},
    "another": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "snapshot.json.gz").write_bytes(gzip.compress(json.dumps(TABLE).encode()))
    (tmp_path / "provenance.json").write_text('{"version": "1.2.3"}')
    return tmp_path


@pytest.fixture
def connection(project: Project) -> Connection:
    return ConnectionFactory(
        project=project, slug="claude", kind="anthropic", base_url=VENDOR_URLS["anthropic"]
    )


def test_all_priced_models_of_the_vendor_are_entered_with_where_they_come_from(
    connection: Connection, admin_actor: Actor, folder: Path
) -> None:
    done = prices_seed(actor=admin_actor, connection=connection, folder=folder)
    assert done.written == ("large", "small")
    small = ModelPrice.objects.get(model="small")
    assert (small.input_usd_per_mtok, small.output_usd_per_mtok) == (
        Decimal("0.15"),
        Decimal("0.9"),
    )
    assert "price table 1.2.3" in small.source
    assert small.read_at is not None
    assert AuditEntry.objects.filter(action="kaizen.connection.price_set").count() == 2
    again = prices_seed(actor=admin_actor, connection=connection, folder=folder)
    assert (again.written, again.same) == ((), ("large", "small"))


def test_what_a_person_typed_stays_unless_it_is_to_be_replaced(
    connection: Connection, admin_actor: Actor, folder: Path
) -> None:
    own = {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
    price_set(actor=admin_actor, connection=connection, model="small", **own)
    done = prices_seed(actor=admin_actor, connection=connection, folder=folder)
    assert (done.kept, done.written) == (("small",), ("large",))
    done = prices_seed(actor=admin_actor, connection=connection, folder=folder, replace=True)
    assert done.written == ("small",)


def test_only_an_admin_may_and_only_for_the_vendors_own_address(
    connection: Connection, editor_actor: Actor, admin_actor: Actor, folder: Path
) -> None:
    with pytest.raises(NotAllowed):
        prices_seed(actor=editor_actor, connection=connection, folder=folder)
    connection.base_url = "https://proxy.example/v1"
    with pytest.raises(InvalidInput, match="own addresses only"):
        prices_seed(actor=admin_actor, connection=connection, folder=folder)
    assert not ModelPrice.objects.exists()


def test_the_command_reads_the_installed_table_and_names_what_it_lacks(
    connection: Connection,
) -> None:
    out = io.StringIO()
    options = {"project": "support", "connection": "claude", "json": True}
    call_command("seed_prices", **options, stdout=out)
    written = json.loads(out.getvalue())["written"]
    assert any(model.startswith("claude-") for model in written)
    assert ModelPrice.objects.filter(connection=connection).count() == len(written)
    with pytest.raises(CheckFailed, match="no-such-model"):
        call_command("seed_prices", **options, model=["no-such-model"], stdout=out)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "groq"])
def test_the_installed_table_has_prices_of_every_vendor(kind: str) -> None:
    prices = bundled_prices(kind).prices
    assert prices
    assert all(price.input_usd_per_mtok >= 0 for price in prices.values())


def test_reading_the_table_imports_no_library() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "import django; django.setup()\n"
        "from llm_app.price_table import bundled_prices\n"
        "assert bundled_prices('openai').prices\n"
        "assert 'dspy' not in sys.modules and 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
