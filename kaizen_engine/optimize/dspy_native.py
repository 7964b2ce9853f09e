"""An OpenAI-compatible endpoint through the client that DSPy bundles: no vendor package needed.

One try a call; retries are the gateway's. Every failure leaves as a ProviderError that says
whether another try can help and whether the vendor may charge for this one all the same.
"""

from collections.abc import Mapping
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
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.dspy_messages import to_lm15
from kaizen_engine.optimize.dspy_transport import DeadlineTransport, Progress

_ROUTE = "kaizen-endpoint"
# Vendors that refuse the older `max_tokens`; nearly every other server knows only that one.
_NEW_TOKEN_LIMIT_HOSTS = ("api.openai.com", ".openai.azure.com")
_CONFIG_FIELDS = ("top_p", "seed", "frequency_penalty", "presence_penalty")
_REJECTIONS = (AuthError, BillingError, InvalidRequestError, CapabilityError, ConfigurationError)
_MESSAGE_LENGTH = 300

TokenLimitField = Literal["max_tokens", "max_completion_tokens"]


class NativeProvider:
    """Chat completions at `base_url`; thread-safe, connections are kept and reused."""

    def __init__(self, base_url: str, api_key: str, *, max_connections: int = 64) -> None:
        self.token_limit_field = _token_limit_field(base_url)
        self._transport = DeadlineTransport(max_connections)
        self._engine = LM15Engine(
            RouterConfig(
                env={},
                api_keys={_ROUTE: api_key or "none"},
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
        with self._transport.deadline(timeout_s) as progress:
            try:
                call = to_lm15(f"{_ROUTE}:{request.model}", request.messages, _config(request))
                response = self._engine.complete(call)
            except (LM15Error, LookupError, TypeError, ValueError) as error:
                raise _provider_error(error, progress) from error
        return _chat_response(request, response)

    def close(self) -> None:
        """Close the connections, after the calls under way have ended."""
        self._engine.close()
        self._transport.close()


def _token_limit_field(base_url: str) -> TokenLimitField:
    host = urlsplit(base_url).hostname or ""
    return "max_completion_tokens" if host.endswith(_NEW_TOKEN_LIMIT_HOSTS) else "max_tokens"


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


def _chat_response(request: ChatRequest, response: Response) -> ChatResponse:
    # A server that does not count is charged the most that the call can have used.
    usage = response.usage
    texts = [part.text for part in response.message.parts if isinstance(part, TextPart)]
    return ChatResponse(
        text="".join(texts),
        input_tokens=_counted(usage.input_tokens, request_upper_bound(request)),
        output_tokens=_counted(usage.output_tokens, request.max_tokens),
        finish_reason=response.finish_reason,
        model=response.model,
    )


def _counted(reported: int | None, upper_bound: int) -> int:
    return upper_bound if reported is None else reported


def _provider_error(error: Exception, progress: Progress) -> ProviderError:
    known: Mapping[str, Any] = {"status": getattr(error, "status", None) or progress.status}
    if isinstance(error, RateLimitError):
        return ProviderRateLimited(_said(error), retry_after=error.retry_after, **known)
    status = known["status"] or 0
    never_sent = not isinstance(error, LM15Error) and not progress.maybe_billed
    if isinstance(error, _REJECTIONS) or never_sent or (300 <= status < 500 and status != 408):
        return ProviderRejected(_said(error), **known)
    retry_after = getattr(error, "retry_after", None)
    billable = progress.maybe_billed
    return ProviderUnavailable(_said(error), retry_after=retry_after, billable=billable, **known)


def _said(error: Exception) -> str:
    message = str(getattr(error, "message", "") or error).strip()
    first_line = message.splitlines()[0] if message else type(error).__name__
    return first_line[:_MESSAGE_LENGTH]
