"""A database of its own for one test, really committed to, which many threads may open.

    @pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)

Without a parameter it is SQLite. PostgreSQL is found by KAIZEN_TEST_POSTGRES_URL.
"""

import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from kaizen_site.config import load_config

POSTGRES_URL = os.environ.get("KAIZEN_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/postgres")


@pytest.fixture
def live_database(request, django_db_setup, django_db_blocker, tmp_path) -> Iterator[str]:
    vendor = getattr(request, "param", "sqlite")
    maker = _postgres_copy if vendor == "postgres" else _sqlite_copy
    with django_db_blocker.unblock(), maker(request, tmp_path) as url, _as_default(url):
        yield url


@contextmanager
def _sqlite_copy(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    source = connections["default"]
    if source.vendor != "sqlite":
        pytest.skip("this suite runs on PostgreSQL, and so does the same test")
    source.ensure_connection()
    path = folder / "live.sqlite3"
    with sqlite3.connect(path) as target:
        source.connection.backup(target)
    target.close()
    yield f"sqlite:///{path}"


@contextmanager
def _postgres_copy(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    template = request.getfixturevalue("postgres_template")
    name = f"kaizen_live_{uuid.uuid4().hex[:12]}"
    _execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _sibling(name)
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Name a migrated PostgreSQL database that nobody is connected to."""
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs PostgreSQL: {error}")
        pytest.skip("no PostgreSQL answers; set KAIZEN_TEST_POSTGRES_URL to run this")
    name = f"kaizen_template_{uuid.uuid4().hex[:12]}"
    _execute(f'CREATE DATABASE "{name}"')
    try:
        _migrate(_sibling(name))
        yield name
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def _as_default(url: str) -> Iterator[None]:
    """Make `url` the default database of every thread that has not opened one yet, and of this."""
    before, settings_before = connections["default"], connections.settings["default"]
    database = load_config(os.environ | {"DATABASE_URL": url}).database
    connections.settings["default"] = settings_before | {"OPTIONS": {}} | dict(database)
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = settings_before
        connections["default"] = before


def _migrate(url: str) -> None:
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=True)


def _execute(statement: str) -> None:
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(statement)


def _sibling(name: str) -> str:
    return f"{POSTGRES_URL.rsplit('/', 1)[0]}/{name}"
