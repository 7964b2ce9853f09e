"""An AsyncCTClient that is used like a CTClient, so that one test serves both.

Each call has an event loop of its own, in whatever thread it is made.
"""

import asyncio
import inspect
from typing import Any

from kaizen_sdk import AsyncCTClient, CTClient

CLIENTS = (CTClient, AsyncCTClient)


class Blocking:
    def __init__(self, client: AsyncCTClient) -> None:
        self._client = client

    def close(self, *timeout: float) -> None:
        asyncio.run(self._client.aclose(*timeout))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return _waiting(value) if inspect.ismethod(value) else value


def _waiting(method: Any) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        answer = method(*args, **options)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    return call


def open_client(kind: type, *args: Any, **options: Any) -> Any:
    client = kind(*args, **options)
    return Blocking(client) if kind is AsyncCTClient else client
