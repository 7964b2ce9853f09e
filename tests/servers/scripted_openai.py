"""An OpenAI-compatible server that misbehaves to order; otherwise the demo model answers.

In a test:      with ScriptedServer(script(Step(status=429, retry_after=2))) as server: ...
As a process:   python -m tests.servers.scripted_openai --port 8090 --latency-ms 50 --fault flaky
"""

import argparse
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TextIO

from kaizen_engine.llm.providers.demo import DemoModel, count_tokens
from kaizen_engine.llm.providers.demo_server import DemoHandler, LocalServer, serve_until_told
from kaizen_engine.llm.providers.openai_wire import (
    BadRequest,
    completion_body,
    error_body,
    http_response,
    models_body,
    read_chat_request,
)
from kaizen_engine.llm.types import ChatRequest, ChatResponse


@dataclass(frozen=True)
class Step:
    """What happens to one call. The defaults are a correct answer by the demo model."""

    status: int = 200
    retry_after: float | None = None
    delay_s: float = 0.0
    text: str | None = None
    filler_tokens: int = 0
    thought_tokens: int = 0
    is_truncated: bool = False
    is_cut: bool = False
    has_usage: bool = True


Policy = Callable[[int, ChatRequest], Step]


def always(step: Step = Step()) -> Policy:  # noqa: B008 - frozen
    return lambda _number, _request: step


def script(*steps: Step, then: Step = Step()) -> Policy:  # noqa: B008 - frozen
    """Follow `steps` by the number of the call, and `then` for ever."""
    return lambda number, _request: steps[number] if number < len(steps) else then


def down() -> Policy:
    """Accept connections and cut them, as a proxy does whose server is gone."""
    return always(Step(is_cut=True))


def malformed(share: float = 0.25, *, seed: int = 0, text: str = "```\nI am not { sure") -> Policy:
    """Answer a share of the messages with `text`, the same ones in every run and order."""

    def choose(_number: int, request: ChatRequest) -> Step:
        lot = random.Random(f"{seed}|{request.messages_hash}").random()
        return Step(text=text) if lot < share else Step()

    return choose


def flaky(*, every: int = 10, step: Step = Step(status=500)) -> Policy:  # noqa: B008 - frozen
    """Let one call in `every` fail with `step`."""
    return lambda number, _request: step if number % every == every - 1 else Step()


def varying(*, seed: int = 0) -> Policy:
    """Answer with lengths anywhere between a word and the whole of `max_tokens`."""

    def choose(number: int, request: ChatRequest) -> Step:
        lot = random.Random(f"{seed}|{number}").random()
        return Step(filler_tokens=1 + int(lot * request.max_tokens))

    return choose


def thinking(*, seed: int = 0, most: int = 480) -> Policy:
    """Answer as ever, and bill up to `most` tokens of thought beside, the same for a message."""

    def choose(_number: int, request: ChatRequest) -> Step:
        lot = random.Random(f"{seed}|{request.messages_hash}").random()
        return Step(thought_tokens=int(lot * min(most, request.max_tokens - 16)))

    return choose


FAULTS: Mapping[str, Callable[[], Policy]] = {
    "none": always,
    "down": down,
    "malformed": malformed,
    "flaky": flaky,
    "limited": lambda: flaky(step=Step(status=429, retry_after=1)),
    "truncated": lambda: flaky(step=Step(is_truncated=True)),
    "slow": lambda: always(Step(delay_s=2.0)),
    "varying": varying,
}


@dataclass(frozen=True)
class Received:
    """One request as it came in; `at` is monotonic, `done_at` when its answer was written."""

    number: int
    at: float
    messages_hash: str
    body: Mapping[str, Any]
    authorization: str
    status: int
    done_at: float = 0.0


@dataclass
class Record:
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ScriptedServer(LocalServer):
    """Serves on a free port from its creation until `stop()`; also a context manager.

    `policy` may be replaced at any time; numbers count from 0 over the server's whole life.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        latency_s: float = 0.0,
        log: TextIO | None = None,
    ) -> None:
        super().__init__((host, port), ScriptedHandler)
        self.policy: Policy = policy or always()
        self.latency_s = latency_s
        self.model = DemoModel()
        self._log = log
        self._numbers = iter(range(sys.maxsize))
        self._record = Record()
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def received(self) -> list[Received]:
        """All chat requests so far, in the order of arrival."""
        with self._record.lock:
            return sorted(self._record.received, key=lambda each: each.number)

    @property
    def calls(self) -> int:
        return len(self.received)

    def start(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def next_number(self) -> int:
        with self._record.lock:
            return next(self._numbers)

    def keep(self, received: Received) -> None:
        with self._record.lock:
            self._record.received.append(received)
            if self._log is not None:
                line: dict[str, Any] = {"call": received.number, "status": received.status}
                line["messages_sha256"] = received.messages_hash
                self._log.write(json.dumps(line) + "\n")
                self._log.flush()


class ScriptedHandler(DemoHandler):
    server: ScriptedServer  # type: ignore[assignment]

    def do_GET(self) -> None:
        if self.path == "/stats":
            self._send(200, {"calls": self.server.calls})
        elif self.path == "/v1/models":
            self._send(200, models_body("demo"))
        else:
            self._send(200, {"status": "ok"})

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        at = time.monotonic()
        try:
            request = read_chat_request(body)
        except BadRequest as error:
            self._refuse(400, str(error))
            return
        number = self.server.next_number()
        step = self.server.policy(number, request)
        received = Received(
            number=number,
            at=at,
            messages_hash=request.messages_hash,
            body=json.loads(body),
            authorization=self.headers.get("Authorization", ""),
            status=0 if step.is_cut else step.status,
        )
        time.sleep(self.server.latency_s + step.delay_s)
        # Kept before the answer leaves, so that a client never knows more than the record.
        self.server.keep(replace(received, done_at=time.monotonic()))
        self._follow(step, request, number)

    def _follow(self, step: Step, request: ChatRequest, number: int) -> None:
        if step.is_cut:
            self._cut()
        elif step.status != 200:
            headers = {} if step.retry_after is None else {"Retry-After": f"{step.retry_after:g}"}
            self._write(http_response(step.status, error_body("scripted", step.status), headers))
        else:
            self._write_answer(step, request, number)

    def _write_answer(self, step: Step, request: ChatRequest, number: int) -> None:
        payload = completion_body(self._answer(step, request), number)
        if not step.has_usage:
            del payload["usage"]
        whole = http_response(200, payload)
        if step.is_truncated:
            self._write(whole[: len(whole) - 40])
            self._cut()
        else:
            self._write(whole)

    def _answer(self, step: Step, request: ChatRequest) -> ChatResponse:
        answer = self.server.model.complete(request, timeout_s=60)
        text = step.text
        if step.filler_tokens:
            text = ("word" * step.filler_tokens)[: 4 * request.max_tokens]
        if text is None:
            return replace(answer, output_tokens=answer.output_tokens + step.thought_tokens)
        return replace(answer, text=text, output_tokens=count_tokens(text))

    def _write(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.wfile.write(data)

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def scripted_server() -> Iterator[ScriptedServer]:
    """Body of a pytest fixture: `server = pytest.fixture(scripted_server)`."""
    with ScriptedServer() as server:
        yield server


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripted_openai")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--fault", choices=sorted(FAULTS), default="none")
    parser.add_argument("--log", default="")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        log = None
        if options.log:
            log = stack.enter_context(Path(options.log).open("a", encoding="utf-8"))
        server = ScriptedServer(
            FAULTS[options.fault](),
            host=options.host,
            port=options.port,
            latency_s=options.latency_ms / 1000,
            log=log,
        )
        serve_until_told(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
