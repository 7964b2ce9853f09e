"""A model vendor through the client that DSPy bundles: no vendor package needed.

One try a call; retries are the gateway's. Every failure leaves as a ProviderError that says
whether another try can help and whether the vendor may charge for this one all the same.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from dspy.clients.engines import LM15Engine
from dspy.lm15 import (
    AccessPolicy,
    AuthError,
    BillingError,
    CapabilityError,
    Config,
    ConfigurationError,
    InvalidRequestError,
    LM15Error,
    OpenAIChatCompat,
    ProviderDefinition,
    RateLimitError,
    Response,
    RouterConfig,
    TextPart,
)

from kaizen_engine.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from kaizen_engine.llm.pricing import request_upper_bound
from kaizen_engine.llm.providers.openai_embeddings import OpenAIEmbeddings
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.llm.vendors import Wire
from kaizen_engine.optimize.dspy_messages import to_lm15, with_inline_media
from kaizen_engine.optimize.dspy_transport import DeadlineTransport, Progress

_ROUTE = "kaizen-endpoint"
# Spoken by lm15 under these names; all other wires are chat completions.
_LM15_WIRES = (Wire.ANTHROPIC, Wire.GEMINI)
# Vendors that refuse the older `max_tokens`; nearly every other server knows only that one.
_NEW_TOKEN_LIMIT_HOSTS = ("api.openai.com", ".openai.azure.com")
_CONFIG_FIELDS = ("top_p", "seed", "frequency_penalty", "presence_penalty")
_REJECTIONS = (AuthError, BillingError, InvalidRequestError, CapabilityError, ConfigurationError)
_MESSAGE_LENGTH = 300
_OK = 200

TokenLimitField = Literal["max_tokens", "max_completion_tokens"]


class NativeProvider:
    """The `wire` spoken at `base_url`; thread-safe, connections are kept and reused."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        wire: Wire = Wire.OPENAI,
        max_connections: int = 64,
    ) -> None:
        self.token_limit_field = _token_limit_field(base_url, wire)
        self._api_key = api_key
        self._base_url = base_url
        self._is_chat = wire not in _LM15_WIRES
        self._route = _ROUTE if self._is_chat else str(wire)
        self._transport = DeadlineTransport(max_connections)
        self._engine = LM15Engine(
            RouterConfig(
                env={},
                api_keys={self._route: api_key or "none"},
                base_urls=None if self._is_chat else {self._route: base_url.rstrip("/")},
                providers=(_definition(base_url, self.token_limit_field),),
                transport=self._transport,
            )
        )

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._transport.connections

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        """Make exactly one try. Raises a ProviderError."""
        if request.endpoint == "embeddings":
            return self._embed(request, timeout_s)
        with self._transport.deadline(timeout_s) as progress:
            try:
                call = to_lm15(f"{self._route}:{request.model}", request.messages, _config(request))
                response = self._engine.complete(call if self._is_chat else with_inline_media(call))
            except (LM15Error, LookupError, TypeError, ValueError) as error:
                if isinstance(error, InvalidRequestError) and progress.status == _OK:
                    return _filtered(request)
                # From None: the client's own error may quote the request's headers.
                raise _provider_error(error, progress, self._api_key) from None
        return _chat_response(request, response, thinks_apart=self._route == Wire.GEMINI)

    @cached_property
    def _embeddings(self) -> OpenAIEmbeddings:
        return OpenAIEmbeddings(self._base_url, self._api_key)

    def _embed(self, request: ChatRequest, timeout_s: float) -> ChatResponse:
        if not self._is_chat:
            raise ProviderRejected(f"embeddings are not spoken with {self._route}")
        return self._embeddings.complete(request, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the connections, after the calls under way have ended."""
        if "_embeddings" in vars(self):
            self._embeddings.close()
        self._engine.close()
        self._transport.close()


def _token_limit_field(base_url: str, wire: Wire) -> TokenLimitField:
    host = urlsplit(base_url).hostname or ""
    is_new = wire is Wire.GROQ or host.endswith(_NEW_TOKEN_LIMIT_HOSTS)
    return "max_completion_tokens" if is_new else "max_tokens"


def _definition(base_url: str, token_limit_field: TokenLimitField) -> ProviderDefinition:
    compat = OpenAIChatCompat(
        instruction_role="system", max_tokens_field=token_limit_field, cache_control="none"
    )
    access = AccessPolicy(provider=_ROUTE, base_url=base_url.rstrip("/"))
    return ProviderDefinition.chat(access, compat=compat)


def _config(request: ChatRequest) -> Config:
    params = dict(request.params)
    known: dict[str, Any] = {name: params.pop(name) for name in _CONFIG_FIELDS if name in params}
    stop = params.pop("stop", ())
    return Config(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        extensions=params or None,
        **known,
    )


def _chat_response(request: ChatRequest, response: Response, *, thinks_apart: bool) -> ChatResponse:
    # A server that does not count is charged the most that the call can have used.
    usage = response.usage
    output_tokens = _counted(usage.output_tokens, request.max_tokens)
    if thinks_apart:
        # Gemini bills its thoughts as output and leaves them out of the count of the answer.
        output_tokens += usage.reasoning_tokens or 0
    texts = [part.text for part in response.message.parts if isinstance(part, TextPart)]
    return ChatResponse(
        text="".join(texts),
        input_tokens=_counted(usage.input_tokens, request_upper_bound(request)),
        output_tokens=output_tokens,
        finish_reason=response.finish_reason,
        model=response.model,
    )


def _filtered(request: ChatRequest) -> ChatResponse:
    """Return the empty answer to a prompt that the vendor took and would not answer.

    One such row says something about the row; as an error it would end the whole job. The
    client drops the counts with the answer, so it is charged the most it can have cost.
    """
    most = request_upper_bound(request), request.max_tokens
    return ChatResponse("", *most, finish_reason="content_filter", model=request.model)


def _counted(reported: int | None, upper_bound: int) -> int:
    return upper_bound if reported is None else reported


def _provider_error(error: Exception, progress: Progress, api_key: str) -> ProviderError:
    said = _said(error, api_key)
    known: Mapping[str, Any] = {"status": getattr(error, "status", None) or progress.status}
    if isinstance(error, RateLimitError):
        return ProviderRateLimited(said, retry_after=error.retry_after, **known)
    status = known["status"] or 0
    never_sent = not isinstance(error, LM15Error) and not progress.maybe_billed
    if isinstance(error, _REJECTIONS) or never_sent or (300 <= status < 500 and status != 408):
        return ProviderRejected(said, **known)
    retry_after = getattr(error, "retry_after", None)
    billable = progress.maybe_billed
    return ProviderUnavailable(said, retry_after=retry_after, billable=billable, **known)


def _said(error: Exception, api_key: str) -> str:
    message = str(getattr(error, "message", "") or error).strip()
    if api_key:
        # Vendors quote the key that they refuse.
        message = message.replace(api_key, "[key]")
    first_line = message.splitlines()[0] if message else type(error).__name__
    return first_line[:_MESSAGE_LENGTH]
