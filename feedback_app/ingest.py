"""The only SQL of this app that a vendor decides: rows and counter, stored together and once.

A batch goes in as one JSON value, whatever its size. Rows and counters are locked in the order
of event id and task, so that two batches with the same events wait for each other and never block
each other for ever. Measured: `bulk_create` stores a quarter of the rows a second.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from kaizen_engine.states import Origin

COLUMNS = {
    "public_id": "uuid",
    "project_id": "bigint",
    "task_id": "bigint",
    "event_id": "text",
    "content_hash": "text",
    "inputs": "jsonb",
    "output": "jsonb",
    "score": "double precision",
    "thumb": "boolean",
    "comment": "text",
    "corrected_output": "jsonb",
    "metrics": "jsonb",
    "metadata": "jsonb",
    "origin": "text",
    "prompt_hash": "text",
    "created_at": "timestamptz",
}
NAMES = ", ".join(COLUMNS)
ONCE = "ON CONFLICT (project_id, event_id) DO NOTHING"
COUNTER = "feedback_app_taskcounter"
# A random call that nobody judged asks for no job: see `is_unjudged`, and `_counts` below.
COUNTS = """(score IS NOT NULL OR thumb IS NOT NULL OR corrected_output IS NOT NULL
    OR output IS NULL OR origin <> 'random')"""
ADD_TO_COUNTER = f"""
    ON CONFLICT (task_id) DO UPDATE SET
        unconsumed = {COUNTER}.unconsumed + excluded.unconsumed,
        total = {COUNTER}.total + excluded.total
    RETURNING task_id, unconsumed, not_before
"""  # noqa: S608

# Conflicting rows are told from new ones by RETURNING, which names only what was inserted.
POSTGRESQL = f"""
    WITH added AS (
        INSERT INTO feedback_app_feedback ({NAMES})
        SELECT {NAMES} FROM jsonb_to_recordset(%s::jsonb)
            AS item({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())})
        {ONCE}
        RETURNING task_id, event_id, {COUNTS} AS is_counted
    ), counted AS (
        INSERT INTO {COUNTER} (task_id, unconsumed, total, failures_in_a_row)
        SELECT task_id, count(*) FILTER (WHERE is_counted), count(*), 0
        FROM added GROUP BY task_id ORDER BY task_id
        {ADD_TO_COUNTER}
    )
    SELECT added.event_id, added.is_counted, counted.* FROM added JOIN counted USING (task_id)
"""  # noqa: S608
SQLITE_ROWS = f"""
    INSERT INTO feedback_app_feedback ({NAMES})
    SELECT {", ".join(f"json_extract(value, '$.{name}')" for name in COLUMNS)}
    FROM json_each(%s) WHERE true
    {ONCE}
    RETURNING task_id, event_id
"""  # noqa: S608
SQLITE_COUNTERS = f"""
    INSERT INTO {COUNTER} (task_id, unconsumed, total, failures_in_a_row)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), 0
    FROM json_each(%s) WHERE true
    {ADD_TO_COUNTER}
"""  # noqa: S608


@dataclass(frozen=True)
class Counted:
    """A counter after `added` rows went in that jobs can use."""

    task_id: int
    added: int
    unconsumed: int
    not_before: datetime | None


@dataclass(frozen=True)
class Stored:
    event_ids: frozenset[str]
    counters: tuple[Counted, ...]


def store(rows: Sequence[dict[str, Any]]) -> Stored:
    """Insert the rows whose event id is new to the project, and count them, all or nothing.

    A row maps every name of COLUMNS except `created_at`, with plain JSON values.
    """
    now = _now()
    stamped = [{**row, "created_at": now} for row in sorted(rows, key=_by_event)]
    if connection.vendor == "postgresql":
        return _store_on_postgresql(stamped)
    return _store_on_sqlite(stamped)


def _store_on_postgresql(rows: Sequence[dict[str, Any]]) -> Stored:
    with connection.cursor() as cursor:
        cursor.execute(POSTGRESQL, [msgspec.json.encode(rows).decode()])
        found = cursor.fetchall()
    added = Counter(task_id for _, is_counted, task_id, _, _ in found if is_counted)
    counters = {
        task_id: Counted(task_id, added[task_id], unconsumed, not_before)
        for _, _, task_id, unconsumed, not_before in found
    }
    return Stored(frozenset(row[0] for row in found), tuple(counters.values()))


def _store_on_sqlite(rows: Sequence[dict[str, Any]]) -> Stored:
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(SQLITE_ROWS, [msgspec.json.encode([_as_text(row) for row in rows]).decode()])
        found = cursor.fetchall()
        # SQLite 3.40 finds every column NOT NULL in RETURNING.
        uncounted = {row["event_id"] for row in rows if not _counts(row)}
        stored = Counter(task_id for task_id, _ in found)
        added = Counter(task_id for task_id, event_id in found if event_id not in uncounted)
        counters = _counted_on_sqlite(cursor, stored, added) if stored else ()
    return Stored(frozenset(event_id for _, event_id in found), counters)


def _counted_on_sqlite(
    cursor: Any, stored: Counter[int], added: Counter[int]
) -> tuple[Counted, ...]:
    rows = [[task_id, added[task_id], stored[task_id]] for task_id in sorted(stored)]
    cursor.execute(SQLITE_COUNTERS, [msgspec.json.encode(rows).decode()])
    return tuple(
        Counted(task_id, added[task_id], unconsumed, _read_time(not_before))
        for task_id, unconsumed, not_before in cursor.fetchall()
    )


def _counts(row: dict[str, Any]) -> bool:
    says = (row["score"], row["thumb"], row["corrected_output"])
    is_said = any(value is not None for value in says)
    return is_said or row["output"] is None or row["origin"] != Origin.RANDOM


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    """Spell JSON columns as text: `json_extract` would turn a bare JSON string into SQL text."""
    return {
        name: msgspec.json.encode(value).decode()
        if COLUMNS[name] == "jsonb" and value is not None
        else value
        for name, value in row.items()
    }


def _by_event(row: dict[str, Any]) -> str:
    event_id: str = row["event_id"]
    return event_id


def _now() -> str:
    """Spell UTC as both vendors read it: SQLite keeps text, PostgreSQL's session is in UTC."""
    return timezone.now().strftime("%Y-%m-%d %H:%M:%S.%f")


def _read_time(value: str | datetime | None) -> datetime | None:
    """SQLite keeps UTC without saying so, and gives it back as text or parsed."""
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read.replace(tzinfo=UTC) if read else None
