"""Fill an empty database with what an installation holds after a busy year.

    python -m bench.big_database --database-url postgres://root@127.0.0.1/kaizen_big [--scale 0.1]

A million feedback rows, 10,000 versions, 1,000 jobs with their trials and scored rows, 100,000
examples, audit and ledger entries, over 240 prompts of 12 projects. The database is made if it is
missing (PostgreSQL) and migrated; one that holds a project is left alone. `bench.pages` asks it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from django.db.models import Field, Model

    from bench.big_world import Sizes

BATCH = 5000
FRESH_ID = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}
LATER = {
    "postgresql": "{column} + k * interval '{seconds} seconds'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', {column}, (k * {seconds}) || ' seconds')",
}


def use_database(url: str) -> None:
    """Make `url` the database of this process, with the settings of the tests."""
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()


def make_database(url: str) -> None:
    """Create the PostgreSQL database that the URL names, where there is none yet."""
    if not url.startswith("postgres"):
        return
    import psycopg

    name = urlsplit(url).path[1:]
    with psycopg.connect(maintenance_url(url), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{name}"')


def drop_database(url: str) -> None:
    import psycopg

    with psycopg.connect(maintenance_url(url), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')


def maintenance_url(url: str) -> str:
    return urlsplit(url)._replace(path="/postgres").geturl()


def pour(model: "type[Model]", rows: "Iterable[Model]") -> int:
    """Write rows as fast as the database takes them; their fields hold all that is stored."""
    from django.db import connection, transaction

    fields = [one for one in model._meta.concrete_fields if _is_written(one)]
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return 0
    if first.pk is None:
        fields = [one for one in fields if not one.primary_key]
    columns = ", ".join(f'"{one.column}"' for one in fields)
    target = f'"{model._meta.db_table}" ({columns})'
    write = _copy if connection.vendor == "postgresql" else _insert
    with transaction.atomic():
        return write(target, (_values(fields, row) for row in _again(first, rows)))


def _is_written(field: "Field[Any, Any]") -> bool:
    return not (field.generated or field.has_db_default())


def _again(first: "Model", rest: "Iterable[Model]") -> "Iterable[Model]":
    yield first
    yield from rest


def _values(fields: "list[Field[Any, Any]]", row: "Model") -> list[Any]:
    from django.db import connection

    return [one.get_db_prep_save(getattr(row, one.attname), connection) for one in fields]


def _copy(target: str, lines: Iterable[list[Any]]) -> int:
    from django.db import connection

    count = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for count, line in enumerate(lines, 1):  # noqa: B007
            copy.write_row(line)
    return count


def _insert(target: str, lines: Iterable[list[Any]]) -> int:
    from django.db import connection

    count, lines = 0, iter(lines)
    while batch := list(islice(lines, BATCH)):
        marks = ", ".join(["%s"] * len(batch[0]))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {target} VALUES ({marks})", batch)
        count += len(batch)
    return count


def repeat(model: "type[Model]", times: int, **changed: str) -> int:
    """Add all rows of a table again so many times, the k-th with these columns as SQL says."""
    from django.db import connection

    fields = [one for one in model._meta.concrete_fields if not one.primary_key]
    names = ", ".join(f'"{one.column}"' for one in fields)
    values = ", ".join(changed.get(one.attname, f'"{one.column}"') for one in fields)
    table = f'"{model._meta.db_table}"'
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) WITH RECURSIVE series(k) AS "
            f"(SELECT 1 UNION ALL SELECT k + 1 FROM series WHERE k < {times}) "
            f"SELECT {values} FROM {table}, series ORDER BY k, id",
            [],
        )
        return int(cursor.rowcount)


def repeat_the_largest() -> None:
    from django.db import connection

    from bench.big_rows import PARTS
    from bench.big_world import DAYS
    from feedback_app.models import Feedback
    from llm_app.models import LedgerEntry
    from projects_app.models import AuditEntry

    fresh, later = FRESH_ID[connection.vendor], LATER[connection.vendor]
    seconds = DAYS * 86_400 // PARTS
    at = later.format(column="at", seconds=seconds)
    largest: tuple[tuple[type[Model], dict[str, str]], ...] = (
        (
            Feedback,
            {
                "public_id": fresh,
                "event_id": "event_id || '-' || k",
                "consumed_by": f"CASE WHEN k = {PARTS - 1} THEN NULL ELSE {fresh} END",
                "created_at": later.format(column="created_at", seconds=seconds),
            },
        ),
        (LedgerEntry, {"at": at}),
        (AuditEntry, {"at": at}),
    )
    for model, changed in largest:
        began = time.monotonic()
        count = repeat(model, PARTS - 1, **changed)
        print(f"{model.__name__:<20} {count:>9,} {time.monotonic() - began:6.1f} s more")


def fill(sizes: "Sizes") -> None:
    """Fill a migrated database; say how long each table took."""
    from bench.big_rows import Rows
    from bench.big_world import World

    rows = Rows(World(sizes))
    for make in (
        *(rows.feedback, rows.example, rows.version, rows.parent, rows.gate, rows.tag, rows.note),
        *(rows.job, rows.trial, rows.evaluation_row, rows.insight, rows.sighting),
        *(rows.suggestion, rows.label_item, rows.ledger_entry, rows.audit_entry),
    ):
        began = time.monotonic()
        made = iter(make())
        first = next(made, None)
        if first is not None:
            count = pour(type(first), _again(first, made))
            print(f"{type(first).__name__:<20} {count:>9,} {time.monotonic() - began:6.1f} s")
    repeat_the_largest()
    _settle()


def _settle() -> None:
    """Let keys go on after those that were given, and the planner know what it has."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    models = [model for model in apps.get_models() if not model._meta.proxy]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", default="postgres://root@127.0.0.1:5432/kaizen_big")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args(arguments if arguments is not None else [])
    make_database(options.database_url)
    use_database(options.database_url)
    from django.core.management import call_command

    from bench.big_world import Sizes
    from projects_app.models import Project

    call_command("migrate", verbosity=0)
    if Project.objects.exists():
        sys.exit("this database holds projects: choose an empty one")
    fill(Sizes().times(options.scale))


if __name__ == "__main__":
    main(sys.argv[1:])
