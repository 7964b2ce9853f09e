"""The SDK's client on the real server, in this process and without a socket.

The client sends from threads of its own, so everything is really committed to a database file.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest

from kaizen_sdk import CTClient
from kaizen_sdk.testing import FrozenClock
from kaizen_site.wsgi import application
from projects_app.models import Project, Scope
from tests.factories.projects import ApiKeyFactory, ProjectFactory, key_text
from tests.kaizen_site.route_table import World, build_world

APPLICATION = (Scope.FEEDBACK_WRITE, Scope.PROMPT_READ, Scope.OPTIMIZE_TRIGGER)


class Wire(httpx.BaseTransport):
    """The server's WSGI application, with a record of what went over."""

    def __init__(self) -> None:
        self._server = httpx.WSGITransport(app=application)
        self.sent: list[tuple[httpx.Request, httpx.Response]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._server.handle_request(request)
        self.sent.append((request, response))
        return response

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


@pytest.fixture
def connect(world: World, wire: Wire, clock: FrozenClock) -> Iterator[Connect]:
    """Return a maker of clients: `connect(Scope.X, project=…)`, or `key=` as it is."""
    clients: list[CTClient] = []

    def make(*scopes: Scope, project: Project = world.project, key: str = "") -> CTClient:
        wanted = [scope.value for scope in scopes or APPLICATION]
        text = key or key_text(ApiKeyFactory(project=project, scopes=wanted))
        client = CTClient("http://testserver", text, transport=wire, clock=clock)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Connect) -> CTClient:
    return connect()
