"""The OpenAPI document: complete, stable, and the same as the committed one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from kaizen_site.errors import PROBLEM_JSON

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs/openapi.json"
GENERATOR = "kaizen_site.schema.KaizenSchemaGenerator"
PRINT_IT = (
    f"manage.py spectacular --generator-class {GENERATOR} "
    "--format openapi-json --file docs/openapi.json"
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(Client().get("/openapi.json").content)


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all that need a key."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path != "/health"
    }


def test_the_generator_has_no_warning(tmp_path: Path) -> None:
    options = {"validate": True, "fail_on_warn": True, "format": "openapi-json"}
    call_command("spectacular", file=str(tmp_path / "plain.json"), **options)
    full = tmp_path / "full.json"
    call_command("spectacular", file=str(full), generator_class=GENERATOR, **options)
    assert json.loads(full.read_text())["paths"]


def test_the_committed_document_is_current(document: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == document, f"run {PRINT_IT}"


def test_every_operation_names_its_scope_and_takes_a_key_both_ways(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    assert document["paths"]["/health"]["get"]["security"] == [{}]
    for name, operation in operations.items():
        assert re.fullmatch(r"[a-z]+(:[a-z]+)?", operation["x-required-scope"]), name
        assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}], name


def test_every_failure_is_documented_as_a_problem(
    operations: dict[str, dict[str, Any]],
) -> None:
    for name, operation in operations.items():
        failures = {s: r for s, r in operation["responses"].items() if s[0] not in "23"}
        assert {"401", "403", "default"} <= set(failures), name
        assert all(set(response["content"]) == {PROBLEM_JSON} for response in failures.values())
        assert "{" not in name or "404" in failures


def test_operations_and_components_have_names_of_their_own(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    # The generator resolves a clash of names with a hash, which would change with the schema.
    hashed = re.compile(r"[0-9a-f]{3}Enum$|Schema\d|_\d+$")
    assert [
        name for name in (*ids, *document["components"]["schemas"]) if hashed.search(name)
    ] == []
