"""What must stay true of the whole house."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"dspy", "litellm", "optuna", "sklearn", "scipy", "openai"}


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name]


def test_the_web_process_starts_without_the_heavy_libraries() -> None:
    script = (
        "import sys, django; django.setup()\n"
        "from django.urls import get_resolver\n"
        "def walk(patterns):\n"
        "    for one in patterns:\n"
        "        walk(one.url_patterns) if hasattr(one, 'url_patterns') else one.callback\n"
        "walk(get_resolver().url_patterns)\n"
        "print(' '.join(sorted(m for m in sys.modules if '.' not in m)))\n"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(answer.stdout.split())


def test_only_modules_that_say_so_import_dspy() -> None:
    imports = re.compile(r"^\s*(from|import) (dspy|litellm)\b", re.MULTILINE)
    engine = (ROOT / "kaizen_engine").rglob("*.py")
    importing = {path.name for path in engine if imports.search(path.read_text())}
    assert importing
    assert all(name.startswith("dspy_") for name in importing)


def test_the_sdk_carries_a_byte_copy_of_renderer_and_parser() -> None:
    for name in ("render", "parse"):
        ours = ROOT / f"kaizen_engine/prompts/{name}.py"
        theirs = ROOT / f"sdk/src/kaizen_sdk/_{name}.py"
        assert ours.read_bytes() == theirs.read_bytes()


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    forbidden = re.compile(
        rb"(p[y]pi|n[p]mjs|python[h]osted)\.(or[g]|co[m])|--(extra-)?index-url[= ]+http"
        rb"|(^|[^A-Za-z0-9_.-])/(wor[k]|far[m])/",
        re.MULTILINE,
    )
    named = [path.name for path in tracked_files() if forbidden.search(path.read_bytes())]
    assert named == []


def test_no_lock_file_with_addresses_is_tracked() -> None:
    refused = {"uv.lock", "pylock.toml", "package-lock.json", "poetry.lock", "yarn.lock"}
    assert refused.isdisjoint(path.name for path in tracked_files())


def test_version_stands_in_the_changelog() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.django_db
def test_the_triggers_that_hold_the_invariants_are_in_place() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        names = {row[0] for row in cursor.fetchall()}
    assert "promptversion_immutable" in names
    assert any(name.startswith("auditentry_no_") for name in names)
