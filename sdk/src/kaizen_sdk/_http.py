"""Sends calls over httpx and turns its failures into ours."""

from __future__ import annotations

import threading

import httpx

from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._protocol import Call, client_headers
from kaizen_sdk._settings import Settings
from kaizen_sdk.errors import ConnectionFailed


class Http:
    """One set of pooled connections for each process."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.BaseTransport | None,
        *,
        timeout_s: float,
        connect_timeout_s: float,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._client: httpx.Client | None = None
        self._inherited: list[httpx.Client] = []
        self._lock = threading.Lock()
        # Not on first use: httpx imports modules here, and a fork meanwhile in another thread
        # would leave the child waiting for their import locks.
        self._opened()
        reset_in_children(self)

    def send(self, call: Call, *, timeout_s: float | None = None) -> httpx.Response:
        """Return the answer, whatever its status; raise ConnectionFailed where there is none."""
        read_s = self._timeout_s if timeout_s is None else timeout_s
        timeout = httpx.Timeout(read_s, connect=min(read_s, self._connect_timeout_s))
        try:
            return self._opened().request(
                call.method,
                call.path,
                params=dict(call.params),
                headers=dict(call.headers),
                content=call.content,
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            message = f"{call.method} {call.path}: {type(error).__name__}: {error}"
            raise ConnectionFailed(message) from error

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()

    def reset_after_fork(self) -> None:
        # The parent goes on using these sockets: the child must neither use nor close them.
        if self._client is not None:
            self._inherited.append(self._client)
        self._client = None
        self._lock = threading.Lock()

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    base_url=self._settings.base_url,
                    headers=client_headers(self._settings.api_key),
                    transport=self._transport,
                )
            return self._client
