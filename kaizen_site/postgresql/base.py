"""Measured: Django's `SELECT 1` before each request is an eighth of storing one feedback."""

import select
import time
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the server only after a pause, which may hide a cut, or when it has something to say.

    A server that ends a connection says so on its socket, where nothing else arrives between two
    requests.
    """

    trusted_s = 30.0
    health_check_done: bool
    _checked_at = float("-inf")

    def close_if_health_check_failed(self) -> None:
        if self.health_check_done:
            return
        now = time.monotonic()
        is_recent = now - self._checked_at < self.trusted_s
        self._checked_at = now
        if is_recent and self.connection is not None and _is_silent(self.connection):
            self.health_check_done = True
            return
        super().close_if_health_check_failed()


def _is_silent(connection: Any) -> bool:
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
