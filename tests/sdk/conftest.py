import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kaizen_sdk.testing import FrozenClock
from tests.sdk import scripted
from tests.sdk.blocking import CLIENTS


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.__name__)
def client_of(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The `client_of` of `scripted`, for the blocking and for the awaiting client."""
    return partial(scripted.client_of, kind=request.param)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.events.extend(events)
        self._answer([{"event_id": e["event_id"], "status": 201} for e in events])

    def do_GET(self) -> None:
        self._answer({"status": "running"})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        server.daemon_threads = True
        server.events = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
