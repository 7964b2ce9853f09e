"""Log feedback to Kaizen and serve the prompts it improves."""

from typing import TYPE_CHECKING, Any

from kaizen_sdk._clock import Bell, Clock, SystemClock
from kaizen_sdk._parse import OutputParseError
from kaizen_sdk._queue import Stats
from kaizen_sdk._render import RenderError
from kaizen_sdk._review import Answer
from kaizen_sdk._version import __version__
from kaizen_sdk.client import CTClient
from kaizen_sdk.errors import (
    APIError,
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    FeedbackDropped,
    InvalidRequest,
    KaizenError,
    NotFound,
    PermissionDenied,
    PromptNotFound,
    PromptUnavailable,
    RateLimited,
    ServerError,
)
from kaizen_sdk.job import Job
from kaizen_sdk.prompt import Prompt

if TYPE_CHECKING:
    from kaizen_sdk.async_client import AsyncCTClient

__all__ = [
    "APIError",
    "Answer",
    "AsyncCTClient",
    "AuthenticationError",
    "Bell",
    "CTClient",
    "ClientClosed",
    "Clock",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "FeedbackDropped",
    "InvalidRequest",
    "Job",
    "KaizenError",
    "NotFound",
    "OutputParseError",
    "PermissionDenied",
    "Prompt",
    "PromptNotFound",
    "PromptUnavailable",
    "RateLimited",
    "RenderError",
    "ServerError",
    "Stats",
    "SystemClock",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # Applications without an event loop need not import one.
    if name == "AsyncCTClient":
        from kaizen_sdk.async_client import AsyncCTClient

        return AsyncCTClient
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
