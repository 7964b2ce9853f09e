"""A database that fails to order, on every connection that is opened while the fault is on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.signals import connection_created


@contextmanager
def failing(fault: Callable[[str], BaseException | None]) -> Iterator[None]:
    """Ask `fault` about each statement, and raise what it returns in place of running it."""

    def execute(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        error = fault(sql)
        if error is not None:
            raise error
        return run(sql, *rest)

    def equip(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(execute)

    connection_created.connect(equip)
    try:
        yield
    finally:
        connection_created.disconnect(equip)
