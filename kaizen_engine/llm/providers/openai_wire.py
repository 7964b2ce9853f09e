"""The OpenAI wire of chats and embeddings, as a server sees it: requests read, answers written."""

import json
import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.llm.vectors import vector_of

DEFAULT_MAX_TOKENS = 1024


class BadRequest(ValueError):
    """A request that is answered with 400 and this message."""


def read_chat_request(body: bytes) -> ChatRequest:
    """Return the request in a POST body; raises BadRequest saying what is wrong with it."""
    asked = _json_object(body)
    if asked.get("stream") or asked.get("n") not in (None, 1):
        raise BadRequest("streaming and n > 1 are not supported")
    return ChatRequest(
        model=_text(asked, "model"),
        messages=_messages(asked.get("messages")),
        max_tokens=_max_tokens(asked),
        temperature=_temperature(asked.get("temperature")),
        params={"seed": asked["seed"]} if isinstance(asked.get("seed"), int) else {},
    )


def read_embedding_request(body: bytes) -> ChatRequest:
    """Return the request for one text's vector; raises BadRequest."""
    asked = _json_object(body)
    given = asked.get("input")
    texts = given if isinstance(given, list) else [given]
    if len(texts) != 1 or not isinstance(texts[0], str) or not texts[0]:
        raise BadRequest("'input' must be one text that is not empty")
    if asked.get("encoding_format", "float") != "float":
        raise BadRequest("'encoding_format' must be float")
    message = {"role": "user", "content": texts[0]}
    return ChatRequest(_text(asked, "model"), (message,), max_tokens=1, endpoint="embeddings")


def embedding_body(response: ChatResponse, number: int) -> dict[str, Any]:
    """Return the JSON of an embedding list with the one vector."""
    vector = list(vector_of(response.text))
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": response.model,
        "usage": {"prompt_tokens": response.input_tokens, "total_tokens": response.input_tokens},
    }


def completion_body(response: ChatResponse, number: int) -> dict[str, Any]:
    """Return the JSON of a `chat.completion`."""
    message = {"role": "assistant", "content": response.text, "refusal": None}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": response.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": response.finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": response.input_tokens,
            "completion_tokens": response.output_tokens,
            "total_tokens": response.input_tokens + response.output_tokens,
        },
    }


def models_body(*names: str) -> dict[str, Any]:
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "kaizen"} for name in names]
    return {"object": "list", "data": models}


def error_body(message: str, status: int) -> dict[str, Any]:
    """Return the JSON of an OpenAI error."""
    kinds = {429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def http_response(
    status: int, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a whole HTTP/1.1 response, for one write: two would cost a delayed ACK each call."""
    # Escaped, since a lone surrogate that came in must be able to go out again.
    body = json.dumps(payload).encode("ascii")
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except BadRequest:
        raise
    except (ValueError, RecursionError) as error:
        message = "the body is not valid JSON"
        raise BadRequest(message) from error
    if not isinstance(found, dict):
        raise BadRequest("the body must be a JSON object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not valid JSON"
    raise BadRequest(message)


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        message = f"{name!r} must be a text that is not empty"
        raise BadRequest(message)
    return value


def _messages(value: Any) -> tuple[Mapping[str, Any], ...]:
    is_chat = isinstance(value, list) and all(
        isinstance(message, dict) and isinstance(message.get("role"), str) for message in value
    )
    if not is_chat or not value:
        raise BadRequest("'messages' must be a list of objects with a role, and not empty")
    return tuple(value)


def _max_tokens(asked: Mapping[str, Any]) -> int:
    value = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if value is None:
        return DEFAULT_MAX_TOKENS
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRequest("'max_tokens' must be a whole number of at least 1")
    return value


def _temperature(value: Any) -> float:
    if value is None:
        return 1.0
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 2:
        raise BadRequest("'temperature' must be a number from 0 to 2")
    return float(value)
