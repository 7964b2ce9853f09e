"""Both clients of the SDK on the real server, in this process and without a socket.

The clients send from threads of its own, so everything is really committed to a database file.
"""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from django.db import connections

from kaizen_sdk import CTClient
from kaizen_sdk.testing import FrozenClock
from projects_app.models import Project, Scope
from tests.factories.projects import ApiKeyFactory, ProjectFactory, key_text
from tests.kaizen_site.route_table import World, build_world
from tests.sdk.blocking import CLIENTS, open_client

APPLICATION = (Scope.FEEDBACK_WRITE, Scope.PROMPT_READ, Scope.OPTIMIZE_TRIGGER)


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The server's WSGI application, with a record of what went over: blocking, or awaited."""

    def __init__(self) -> None:
        # Not at the top: a clone without collected static files warns, which is an error there.
        from kaizen_site.wsgi import application

        self._server = httpx.WSGITransport(app=application)
        self.sent: list[tuple[httpx.Request, httpx.Response]] = []
        self.awaited: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._server.handle_request(request)
        self.sent.append((request, response))
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await asyncio.to_thread(self._served, request)
        self.awaited.append(response)
        return response

    def _served(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self.handle_request(request)
            headers, content = response.headers, response.read()
            return httpx.Response(response.status_code, headers=headers, content=content)
        finally:
            connections.close_all()

    @property
    def statuses(self) -> list[int]:
        return [response.status_code for _, response in self.sent]


@pytest.fixture
def world(live_database: str) -> World:
    return build_world(ProjectFactory(slug="support"))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


Connect = Callable[..., CTClient]


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.__name__)
def connect(
    request: pytest.FixtureRequest, world: World, wire: Wire, clock: FrozenClock
) -> Iterator[Connect]:
    """Return a maker of clients: `connect(Scope.X, project=…)`, or `key=` as it is.

    A test that uses it runs twice: with CTClient, and with AsyncCTClient awaited at each call.
    """
    clients: list[CTClient] = []

    def make(*scopes: Scope, project: Project = world.project, key: str = "") -> CTClient:
        wanted = [scope.value for scope in scopes or APPLICATION]
        text = key or key_text(ApiKeyFactory(project=project, scopes=wanted))
        client = open_client(request.param, "http://testserver", text, transport=wire, clock=clock)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Connect) -> CTClient:
    return connect()
