"""Anthropic's Messages and Gemini's generateContent as servers, answered by the demo model.

Both check what the vendors check: path, key header, version header, and the shape of a turn.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.demo_server import LocalServer
from kaizen_engine.llm.providers.openai_wire import http_response
from kaizen_engine.llm.types import ChatRequest, ChatResponse

Body = Mapping[str, Any]
OVERLOADED = 529


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_truncated: bool = False


Policy = Callable[[int], Reply]


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: Body


class VendorServer(LocalServer):
    """Serves `wire` on a free port; replies of the policy without a body are true answers."""

    def __init__(self, wire: str, key: str, policy: Policy = lambda _: Reply()) -> None:
        super().__init__(("127.0.0.1", 0), VendorHandler)
        self.wire, self.key, self.policy = wire, key, policy
        self.model = DemoModel()
        self.received: list[Received] = []
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        version = {"anthropic": "v1", "gemini": "v1beta"}[self.wire]
        return f"http://127.0.0.1:{self.server_port}/{version}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class VendorHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: VendorServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            number = len(self.server.received)
            self.server.received.append(Received(self.path, headers, body))
        reply = self.server.policy(number)
        answer = WIRES[self.server.wire](self.server, self.path, headers, body)
        if reply.status != 200 or reply.body is not None:
            answer = reply.status, reply.body or {}
        whole = _whole(answer[0], answer[1], reply.headers)
        if reply.is_truncated:
            self.wfile.write(whole[:-20])
            self.close_connection = True
            return
        self.wfile.write(whole)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def _whole(status: int, body: Body, headers: Mapping[str, str]) -> bytes:
    if status != OVERLOADED:
        return http_response(status, body, headers)
    # No registered status, so that the standard library has no phrase for it.
    return http_response(503, body, headers).replace(b"503 Service Unavailable", b"529 ", 1)


def anthropic_error(kind: str, message: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": message}}


def gemini_error(status: int, word: str, message: str) -> Body:
    return {"error": {"code": status, "message": message, "status": word}}


def _anthropic(
    server: VendorServer, path: str, headers: Mapping[str, str], body: Body
) -> tuple[int, Body]:
    if headers.get("x-api-key") != server.key:
        return 401, anthropic_error("authentication_error", "invalid x-api-key")
    is_known = path == "/v1/messages" and headers.get("anthropic-version") == "2023-06-01"
    if not is_known or "max_tokens" not in body:
        return 400, anthropic_error("invalid_request_error", f"no such call: {path}")
    turns = [(turn["role"], _text(turn["content"])) for turn in body["messages"]]
    answer = _ask(server, body.get("system"), turns, body["max_tokens"])
    is_cut = answer.finish_reason == "length"
    return 200, {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": answer.text}],
        "stop_reason": "max_tokens" if is_cut else "end_turn",
        "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
    }


def _gemini(
    server: VendorServer, path: str, headers: Mapping[str, str], body: Body
) -> tuple[int, Body]:
    if headers.get("x-goog-api-key") != server.key:
        return 400, gemini_error(400, "INVALID_ARGUMENT", "API key not valid.")
    if not path.startswith("/v1beta/models/") or not path.endswith(":generateContent"):
        return 404, gemini_error(404, "NOT_FOUND", f"no such call: {path}")
    names = {"user": "user", "model": "assistant"}
    turns = [(names[turn["role"]], _text(turn["parts"])) for turn in body["contents"]]
    system = body.get("systemInstruction")
    limit = body["generationConfig"]["maxOutputTokens"]
    answer = _ask(server, system and _text(system["parts"]), turns, limit)
    is_cut = answer.finish_reason == "length"
    content = {"role": "model", "parts": [{"text": answer.text}]}
    return 200, {
        "candidates": [{"content": content, "finishReason": "MAX_TOKENS" if is_cut else "STOP"}],
        "usageMetadata": {
            "promptTokenCount": answer.input_tokens,
            "candidatesTokenCount": answer.output_tokens,
            "thoughtsTokenCount": 3,
            "totalTokenCount": answer.input_tokens + answer.output_tokens + 3,
        },
        "modelVersion": path.rsplit("/", maxsplit=1)[-1].split(":", maxsplit=1)[0],
    }


WIRES: Mapping[str, Callable[..., tuple[int, Body]]] = {"anthropic": _anthropic, "gemini": _gemini}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _ask(
    server: VendorServer, system: Any, turns: list[tuple[str, str]], max_tokens: int
) -> ChatResponse:
    messages = [{"role": role, "content": text} for role, text in turns]
    if system:
        messages.insert(0, {"role": "system", "content": _text(system)})
    return server.model.complete(ChatRequest("demo", tuple(messages), max_tokens), timeout_s=60)
