"""Embeddings of an OpenAI-compatible endpoint: one text a call, one try, and every error in words.

As with chats, retries are the gateway's, and a failure says whether the vendor may charge for it.
"""

import json
import math
import time
from typing import Any

import httpx

from kaizen_engine.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from kaizen_engine.llm.pricing import request_upper_bound
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.llm.vectors import vector_text

_LARGEST_BODY = 10 * 1024 * 1024
_CONNECT_S = 10.0
_MESSAGE_LENGTH = 300
# A proxy says these of a request it has passed on, which the server behind it may have answered.
_PASSED_ON = frozenset({502, 504})


class OpenAIEmbeddings:
    """Thread-safe; follows no redirect."""

    def __init__(self, base_url: str, api_key: str) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._api_key = api_key
        self._client = httpx.Client(headers=headers, follow_redirects=False, trust_env=False)

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        """Make exactly one try. Raises a ProviderError."""
        asked = {
            "model": request.model,
            "input": str(request.messages[-1]["content"]),
            "encoding_format": "float",
            **request.params,
        }
        try:
            status, headers, body = self._post(asked, timeout_s)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ProviderUnavailable(self._said(str(error) or "no connection")) from None
        except (httpx.HTTPError, ValueError) as error:
            said = self._said(str(error) or type(error).__name__)
            raise ProviderUnavailable(said, billable=True) from None
        if status != httpx.codes.OK:
            raise self._refusal(status, headers, body)
        return _answer(request, body)

    def close(self) -> None:
        self._client.close()

    def _post(self, asked: dict[str, Any], timeout_s: float) -> tuple[int, httpx.Headers, bytes]:
        ends_at = time.monotonic() + timeout_s
        timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
        with self._client.stream("POST", self._url, json=asked, timeout=timeout) as response:
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_BODY:
                    raise ValueError("the answer is larger than 10 MiB")
                if time.monotonic() > ends_at:
                    raise ValueError("no complete answer within the call's time limit")
            return response.status_code, response.headers, body

    def _refusal(self, status: int, headers: httpx.Headers, body: bytes) -> ProviderError:
        said = self._said(f"status {status}: {body[:_MESSAGE_LENGTH].decode('utf-8', 'replace')}")
        retry_after = _seconds(headers.get("Retry-After"))
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return ProviderRateLimited(said, status=status, retry_after=retry_after)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            billable = status in _PASSED_ON
            return ProviderUnavailable(
                said, status=status, retry_after=retry_after, billable=billable
            )
        return ProviderRejected(said, status=status)

    def _said(self, message: str) -> str:
        # Vendors quote the key that they refuse.
        message = message.replace(self._api_key, "[key]") if self._api_key else message
        return message[:_MESSAGE_LENGTH]


def _answer(request: ChatRequest, body: bytes) -> ChatResponse:
    try:
        found = json.loads(body)
        vector = [float(number) for number in found["data"][0]["embedding"]]
        text = vector_text(vector)
        usage = (found.get("usage") or {}).get("prompt_tokens")
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, AttributeError) as error:
        message = f"the answer holds no vector: {type(error).__name__}"
        raise ProviderUnavailable(message, billable=True) from None
    if not vector or not all(math.isfinite(number) for number in vector):
        raise ProviderUnavailable("the answer holds no vector of numbers", billable=True)
    counted = usage if isinstance(usage, int) and usage > 0 else request_upper_bound(request)
    return ChatResponse(text, counted, 0, model=str(found.get("model", request.model)))


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
