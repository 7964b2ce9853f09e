"""lm15's pooled HTTP transport with a deadline for each call.

lm15 bounds every single wait by a limit fixed for the whole client, so that a body that trickles
in never ends. Calls here carry their own limit, checked between chunks too, and leave a note of
how far they came, since that decides whether the vendor may charge for a failed one.

The transport classes are no public part of DSPy: this module is the only place that names them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dspy._vendor.lm15.transports import (
    ConnectError,
    ReadTimeout,
    StdlibTransport,
    TransportError,
    TransportRequest,
    TransportResponse,
    WriteError,
)

_CONNECT_S = 10.0
_SHORTEST_S = 0.001
_LARGEST_BODY = 10 * 1024 * 1024
# A proxy says these of a request it has passed on, which the server behind it may have answered.
_PASSED_ON = frozenset({502, 504})
_TOO_LARGE = "the answer is larger than 10 MiB"
_LATE = "no complete answer within the call's time limit"


@dataclass
class Progress:
    """How far one call came; `ends_at` is in monotonic seconds."""

    ends_at: float
    status: int | None = None
    maybe_billed: bool = False

    def left(self) -> float:
        return max(_SHORTEST_S, self.ends_at - time.monotonic())


class DeadlineTransport:
    """Thread-safe; a call runs inside `deadline()` on the thread that makes it."""

    def __init__(self, max_connections: int) -> None:
        self._inner = StdlibTransport(max_connections=max_connections)
        self._calls = threading.local()

    @property
    def connections(self) -> int:
        stats = self._inner.pool_stats()
        return int(stats["in_use"] + stats["idle"])

    @contextmanager
    def deadline(self, timeout_s: float) -> Iterator[Progress]:
        self._calls.progress = progress = Progress(time.monotonic() + timeout_s)
        try:
            yield progress
        finally:
            del self._calls.progress

    def stream(self, request: TransportRequest) -> TransportResponse:
        """Send, wait for the headers and return a body that respects the deadline."""
        progress: Progress = self._calls.progress
        left = progress.left()
        request.connect_timeout = min(_CONNECT_S, left)
        request.read_timeout = request.write_timeout = left
        try:
            response = self._inner.stream(request)
        except (ConnectError, WriteError):
            raise
        except ReadTimeout as error:
            progress.maybe_billed = True
            raise ReadTimeout(_LATE) from error
        except TransportError:
            progress.maybe_billed = True
            raise
        progress.status = response.status
        progress.maybe_billed = 200 <= response.status < 300 or response.status in _PASSED_ON
        return _watched(response, progress)

    def close(self) -> None:
        self._inner.close()


def _watched(response: TransportResponse, progress: Progress) -> TransportResponse:
    def chunks() -> Iterator[bytes]:
        received = 0
        for chunk in response:
            received += len(chunk)
            if received > _LARGEST_BODY:
                raise TransportError(_TOO_LARGE)
            yield chunk
            if time.monotonic() > progress.ends_at:
                raise ReadTimeout(_LATE)

    return TransportResponse(
        status=response.status,
        reason=response.reason,
        headers=response.headers,
        http_version=response.http_version,
        chunks=chunks(),
        release=lambda consumed: response.close(),
    )
