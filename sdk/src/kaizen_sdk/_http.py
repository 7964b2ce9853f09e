"""Sends calls over httpx and turns its failures into ours: blocking, or awaited."""

from __future__ import annotations

import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._protocol import Call, client_headers
from kaizen_sdk._settings import Settings
from kaizen_sdk.errors import ConfigurationError, ConnectionFailed


@dataclass(frozen=True, slots=True)
class Limits:
    timeout_s: float
    connect_timeout_s: float

    def request(self, call: Call, timeout_s: float | None) -> Mapping[str, Any]:
        """Return what httpx needs to send the call."""
        read_s = self.timeout_s if timeout_s is None else timeout_s
        return {
            "method": call.method,
            "url": call.path,
            "params": dict(call.params),
            "headers": dict(call.headers),
            "content": call.content,
            "timeout": httpx.Timeout(read_s, connect=min(read_s, self.connect_timeout_s)),
        }


def _no_answer(call: Call, error: httpx.HTTPError) -> ConnectionFailed:
    return ConnectionFailed(f"{call.method} {call.path}: {type(error).__name__}: {error}")


class Http:
    """One set of pooled connections for each process."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.BaseTransport | None,
        limits: Limits,
        context: ssl.SSLContext,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._limits = limits
        self._context = context
        self._client: httpx.Client | None = None
        self._inherited: list[httpx.Client] = []
        self._lock = threading.Lock()
        # Not on first use: httpx imports modules here, and a fork meanwhile in another thread
        # would leave the child waiting for their import locks.
        self._opened()
        reset_in_children(self)

    def send(self, call: Call, *, timeout_s: float | None = None) -> httpx.Response:
        """Return the answer, whatever its status; raise ConnectionFailed where there is none."""
        try:
            return self._opened().request(**self._limits.request(call, timeout_s))
        except httpx.HTTPError as error:
            raise _no_answer(call, error) from error

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
                    verify=self._context,
                )
            return self._client


class AsyncHttp:
    """A connection for each request.

    A pool would belong to one event loop, and to one process; what is awaited here (prompts that
    nobody polls, jobs) is rare enough to do without.
    """

    def __init__(
        self,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None,
        limits: Limits,
        context: ssl.SSLContext,
    ) -> None:
        if not isinstance(transport, httpx.AsyncBaseTransport | None):
            message = "transport= must be an httpx.AsyncBaseTransport too, to be awaited"
            raise ConfigurationError(message)
        self._settings = settings
        self._limits = limits
        self._context = context
        self._transport = transport
        # Made in any case: httpx imports modules for the first one, which takes its time.
        client = self._new()
        self._lasting = client if transport is not None else None

    async def send(self, call: Call, *, timeout_s: float | None = None) -> httpx.Response:
        """Return the answer, whatever its status; raise ConnectionFailed where there is none."""
        try:
            async with self._opened() as client:
                return await client.request(**self._limits.request(call, timeout_s))
        except httpx.HTTPError as error:
            raise _no_answer(call, error) from error

    async def aclose(self) -> None:
        if self._lasting is not None:
            await self._lasting.aclose()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._lasting is not None:
            yield self._lasting
            return
        async with self._new() as client:
            yield client

    def _new(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._settings.base_url,
            headers=client_headers(self._settings.api_key),
            transport=self._transport,
            verify=self._context,
        )
