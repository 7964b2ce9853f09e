"""Single flight: of several threads that want the same answer, one fetches it."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
_LOOK_AGAIN_S = 0.25


class Flights(Generic[Answer]):
    def __init__(self) -> None:
        self._flights: dict[Hashable, Future[Answer]] = {}
        self._lock = threading.Lock()

    def share(
        self, key: Hashable, fetch: Callable[[], Answer], check: Callable[[], None]
    ) -> Answer:
        """Return the one answer to all who ask for `key` meanwhile; errors are shared as well.

        `check` is called while waiting and may raise to stop it.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = Future()
        if flight is None:
            return self._lead(key, mine, fetch)
        while not flight.done():
            check()
            wait([flight], timeout=_LOOK_AGAIN_S)
        return flight.result()

    def _lead(self, key: Hashable, flight: "Future[Answer]", fetch: Callable[[], Answer]) -> Answer:
        try:
            answer = fetch()
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(answer)
            return answer
        finally:
            with self._lock:
                del self._flights[key]
