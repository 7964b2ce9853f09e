"""A database of its own for one test, really committed to, which many threads may open.

    @pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)

Without a parameter it is SQLite. Tests that start processes use `tests.installation` instead.
"""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from kaizen_site.config import load_config
from tests.installation import POSTGRES_URL, postgres_template, sqlite_template


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker) -> Iterator[None]:
    """Fill the database in memory from the migrated template, whose migrations ran before."""
    connection = connections["default"]
    real_name = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        _rename(connection, connection.creation._get_test_db_name())
        connection.ensure_connection()
        with closing(sqlite3.connect(sqlite_template())) as template:
            template.backup(connection.connection)
    yield
    with django_db_blocker.unblock():
        connection.creation.destroy_test_db(real_name, verbosity=0)


def _rename(connection: BaseDatabaseWrapper, name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


@pytest.fixture
def live_database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker, tmp_path: Path
) -> Iterator[str]:
    """Make a fresh database the default one and return its URL."""
    vendor = getattr(request, "param", "sqlite")
    copied = _postgres_copy() if vendor == "postgres" else _sqlite_copy(tmp_path)
    with django_db_blocker.unblock(), copied as url, _as_default(url):
        yield url


@contextmanager
def _sqlite_copy(folder: Path) -> Iterator[str]:
    path = folder / "live.sqlite3"
    shutil.copyfile(sqlite_template(), path)
    yield f"sqlite:///{path}"


@contextmanager
def _postgres_copy() -> Iterator[str]:
    name, template = f"kaizen_live_{uuid.uuid4().hex[:16]}", postgres_template()
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield f"{POSTGRES_URL.rsplit('/', 1)[0]}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def _as_default(url: str) -> Iterator[None]:
    """Make `url` the default database of this thread and of every one that begins in here."""
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
