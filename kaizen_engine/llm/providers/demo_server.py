"""The demo model behind an OpenAI-compatible HTTP server, for machines without a model.

    python -m kaizen_engine.llm.providers.demo_server --port 8089 [--latency-ms 50] [--log FILE]

POST /v1/chat/completions and /v1/embeddings, GET /v1/models, GET /health, GET /stats. The log holds
one JSON line a call with the SHA-256 of the canonical JSON of `messages`. A port of 0 takes a free
one; the first line on standard output says which.
"""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, TextIO

from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.openai_wire import (
    BadRequest,
    completion_body,
    embedding_body,
    error_body,
    http_response,
    models_body,
    read_chat_request,
    read_embedding_request,
)
from kaizen_engine.llm.types import ChatRequest, ChatResponse

MODEL_NAME = "demo"
LARGEST_BODY = 10 * 1024 * 1024
_READERS = {
    "/v1/chat/completions": read_chat_request,
    "/v1/embeddings": read_embedding_request,
}
_IDLE_S = 600
_MOST_DISCARDED = 4 * LARGEST_BODY
_CHUNK = 65_536


class LocalServer(ThreadingHTTPServer):
    """A thread a connection, none of which outlives the process."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def server_bind(self) -> None:
        # HTTPServer would look its own name up, which takes seconds where no resolver answers.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


class DemoServer(LocalServer):
    def __init__(
        self, address: tuple[str, int], *, latency_s: float = 0.0, log: TextIO | None = None
    ) -> None:
        super().__init__(address, DemoHandler)
        self.model = DemoModel()
        self.latency_s = latency_s
        self._log = log
        self._calls = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        with self._lock:
            return self._calls

    def count(self, request: ChatRequest, response: ChatResponse) -> int:
        """Number an answered call, and write it to the log."""
        with self._lock:
            self._calls += 1
            if self._log is not None:
                self._log.write(_log_line(self._calls, request, response))
                self._log.flush()
            return self._calls


class DemoHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: DemoServer

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(200, {"status": "ok", "model": MODEL_NAME})
        elif self.path == "/stats":
            self._send(200, {"calls": self.server.calls})
        elif self.path == "/v1/models":
            self._send(200, models_body(MODEL_NAME))
        else:
            self._refuse(404, f"there is nothing at {self.path}")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        read = _READERS.get(self.path)
        if read is None:
            self._refuse(404, f"there is nothing to post to at {self.path}")
            return
        try:
            request = read(body)
        except BadRequest as error:
            self._refuse(400, str(error))
            return
        time.sleep(self.server.latency_s)
        response = self.server.model.complete(request, timeout_s=_IDLE_S)
        number = self.server.count(request, response)
        write = completion_body if request.endpoint == "chat" else embedding_body
        self._send(200, write(response, number))

    def _body(self) -> bytes | None:
        """Return the whole body, or answer and return None; the connection ends with a refusal."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if 0 <= length <= LARGEST_BODY:
            return self.rfile.read(length)
        self.close_connection = True
        if length > LARGEST_BODY:
            self._refuse(413, f"the body is larger than {LARGEST_BODY} bytes")
            self._discard(length)
        else:
            self._refuse(411, "a Content-Length is needed")
        return None

    def _discard(self, length: int) -> None:
        """Read a refused body away: closing on unread bytes would reset the answer as well."""
        left = min(length, _MOST_DISCARDED)
        while left > 0 and (chunk := self.rfile.read(min(left, _CHUNK))):
            left -= len(chunk)

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, error_body(message, status))

    def _send(self, status: int, payload: Mapping[str, Any]) -> None:
        headers = {"Connection": "close"} if self.close_connection else {}
        with suppress(ConnectionError):
            self.wfile.write(http_response(status, payload, headers))

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log file has a line a call."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    with ExitStack() as stack:
        log = None
        if options.log:
            log = stack.enter_context(Path(options.log).open("a", encoding="utf-8"))
        address = (options.host, options.port)
        serve_until_told(DemoServer(address, latency_s=options.latency_ms / 1000, log=log))
    return 0


def serve_until_told(server: ThreadingHTTPServer) -> None:
    """Say where, serve, and end cleanly on SIGTERM or SIGINT."""
    for name in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop that this very handler interrupts.
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    host, port = server.server_address[:2]
    sys.stdout.write(f"listening on http://{host!s}:{port}/v1\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo_server", description="Serve the demo model.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--log", default="", help="append one JSON line a call to this file")
    return parser.parse_args(arguments)


def _log_line(number: int, request: ChatRequest, response: ChatResponse) -> str:
    line = {
        "call": number,
        "at": round(time.time(), 3),
        "model": request.model,
        "messages_sha256": request.messages_hash,
        "input_tokens": response.input_tokens,
        "output_tokens": response.output_tokens,
    }
    return json.dumps(line) + "\n"


if __name__ == "__main__":
    sys.exit(main())
