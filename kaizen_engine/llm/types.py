"""What travels through the one door to any model: requests, answers, prices, records.

Nothing here knows a vendor, DSPy or Django.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Protocol

Message = Mapping[str, Any]
Endpoint = Literal["chat", "embeddings"]


def canonical_messages(messages: Sequence[Message]) -> str:
    """Return the one spelling of `messages` that is hashed: sorted keys, compact, not escaped."""
    return json.dumps(list(messages), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def messages_hash(messages: Sequence[Message]) -> str:
    """Return the SHA-256 (64 hex) that client, gateway and server agree on for one call."""
    return _sha256(canonical_messages(messages))


def _sha256(text: str) -> str:
    # A lone surrogate is legal JSON but no UTF-8; it must not turn into a crash here.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ChatRequest:
    """One call. `model` is "<connection slug>/<model>"; a provider sees the part after the slash.

    `max_tokens` bounds the answer and is mandatory, since the meter reserves money for it. To the
    endpoint `embeddings` the text of the one message is sent, and the answer is `vector_text`.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)
    endpoint: Endpoint = "chat"

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            message = f"max_tokens must be at least 1, not {self.max_tokens}"
            raise ValueError(message)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything that can change the answer."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": self.messages,
            "max_tokens": self.max_tokens,
            "temperature": float(self.temperature),
            "params": dict(self.params),
        }
        if self.endpoint != "chat":
            body["endpoint"] = self.endpoint
        return _sha256(json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    @cached_property
    def messages_hash(self) -> str:
        return messages_hash(self.messages)


@dataclass(frozen=True)
class ChatResponse:
    """An answer with the token counts the provider will bill."""

    text: str
    input_tokens: int
    output_tokens: int
    finish_reason: str = "stop"
    model: str = ""


class Provider(Protocol):
    """A vendor's endpoint; makes exactly one try and raises a ProviderError when it fails."""

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        """Answer `request`, whose `model` is the bare model name, within `timeout_s` seconds."""
        ...


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal


@dataclass(frozen=True)
class CallRecord:
    """One paid answer, as the journal keeps it; (role, request_hash, occurrence) is its key.

    `occurrence` separates repeated samples of one request at a temperature above zero.
    `cost_usd` is the price of this answer; tries that failed before it are LostCalls.
    """

    role: str
    request_hash: str
    occurrence: int
    model: str
    response: ChatResponse
    cost_usd: Decimal
    latency_ms: int
    tries: int
    messages_hash: str


@dataclass(frozen=True)
class LostCall:
    """A try that brought no answer but may be billed; all figures are upper bounds."""

    role: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
