"""A Kaizen server in memory: answers from a script, remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from kaizen_sdk import CTClient
from kaizen_sdk.testing import FrozenClock
from tests.sdk.blocking import open_client

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]

ARTIFACT = {
    "schema": "kaizen.prompt/1",
    "layout": "chat",
    "system": "Sort the message.",
    "user_template": "{{text}}",
    "inputs": [{"name": "text", "type": "text", "description": ""}],
    "demos": [],
    "outputs": [{"name": "label", "type": "string", "enum": ["refund", "delivery"]}],
    "reasoning": False,
    "model": "demo/words",
    "params": {"temperature": 0},
}


class ScriptedServer:
    """Takes the next answer of the script, then goes on as a healthy server does."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.number = 1
        self._lock = threading.Lock()

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else self.healthy
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else _again(answer)

    def healthy(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/feedback/batch":
            return stored(request)
        etag = f'"9-{self.number}"'
        if request.headers.get("If-None-Match") == etag:
            return httpx.Response(304)
        return prompt_answer(self.number, etag)

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        sent = [r for r in self.requests if r.url.path == "/api/v1/feedback/batch"]
        return [json.loads(request.content) for request in sent]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]


def _again(answer: httpx.Response) -> httpx.Response:
    # One response can be read by one kind of client only.
    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def stored(request: httpx.Request) -> httpx.Response:
    events = json.loads(request.content)
    return httpx.Response(200, json=[{"event_id": e["event_id"], "status": 201} for e in events])


def prompt_answer(number: int = 1, etag: str = '"9-1"') -> httpx.Response:
    body = {
        "version": f"version-{number}",
        "number": number,
        "hash": f"{number}" * 64,
        "tag": "production",
        "artifact": ARTIFACT,
    }
    return httpx.Response(200, json=body, headers={"ETag": etag})


def problem(status: int, code: str = "", **headers: str) -> httpx.Response:
    body = {"status": status, "code": code, "detail": f"about {code}", "request_id": "r-1"}
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json=body, headers=kind | headers)


@contextmanager
def client_of(
    server: ScriptedServer, *, kind: type = CTClient, **options: Any
) -> Iterator[CTClient]:
    options.setdefault("clock", FrozenClock())
    options["transport"] = server.transport
    client = open_client(kind, "http://kaizen.test", "kz_secret", **options)
    try:
        yield client
    finally:
        client.close(0.5)


@contextmanager
def one_batch(server: ScriptedServer, client: CTClient) -> Iterator[None]:
    """All that is logged inside goes out together, after an event of its own."""
    gate = Gate(stored)
    server.answers.insert(0, gate)
    client.log_feedback("triage", {}, "held")
    assert gate.reached.wait(5)
    try:
        yield
    finally:
        gate.opened.set()


class Gate:
    """An answer that waits until it is opened."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.reached.set()
        assert self.opened.wait(10)
        return self._answer(request)
