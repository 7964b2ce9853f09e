"""A connection that was just used is not asked whether it lives, and a dead one is replaced."""

import psycopg
import pytest
from django.db import connection

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("live_database", ["postgres"], indirect=True),
]


def ask(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def next_request() -> None:
    connection.close_if_unusable_or_obsolete()


def last_query_of(url: str, pid: object) -> object:
    with psycopg.connect(url) as other:
        found = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid])
        return (found.fetchone() or [None])[0]


def open_cursor_only() -> None:
    with connection.cursor():
        pass


def test_the_next_request_on_a_busy_connection_sends_no_check(live_database):
    pid = ask("SELECT pg_backend_pid()")
    next_request()
    assert ask("SELECT 42") == 42
    next_request()
    open_cursor_only()
    assert last_query_of(live_database, pid) == "SELECT 42"


def test_a_connection_that_rested_is_checked(live_database):
    pid = ask("SELECT pg_backend_pid()")
    connection.trusted_s = 0.0
    next_request()
    open_cursor_only()
    assert last_query_of(live_database, pid) == "SELECT 1"


def test_a_connection_that_the_server_ended_is_replaced_unnoticed(live_database):
    pid = ask("SELECT pg_backend_pid()")
    with psycopg.connect(live_database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    next_request()
    assert ask("SELECT pg_backend_pid()") not in {pid, None}
