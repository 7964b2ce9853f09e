"""What can go wrong, as one tree. `log_feedback` raises none of these: it counts and reports.

KaizenError
├── ConfigurationError      no address or key, or a fallback that is no prompt
├── ClientClosed            asked for something after close()
├── ConnectionFailed        no answer: refused, timed out, cut off
├── FeedbackDropped         given to on_error: events that will not be delivered
├── PromptUnavailable       nothing cached, no fallback, and the server gave no prompt
│   └── PromptNotFound      ... because it has none (also a NotFound)
└── APIError                the server answered with an error
    ├── InvalidRequest      400, 413, 422
    ├── AuthenticationError 401
    ├── PermissionDenied    403
    ├── NotFound            404
    │   └── PromptNotFound
    ├── Conflict            409
    ├── RateLimited         429
    └── ServerError         5xx, and answers that make no sense
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class KaizenError(Exception):
    """The root. `code` is stable and meant for programs."""

    code = "error"


class ConfigurationError(KaizenError):
    """The client was given something it cannot work with."""

    code = "configuration"


class ClientClosed(KaizenError):
    """The client was closed and takes no new work."""

    code = "client_closed"


class ConnectionFailed(KaizenError):
    """The server could not be reached or did not answer in time."""

    code = "connection_failed"


class FeedbackDropped(KaizenError):
    """`count` events were given up for `reason`; the same key is in `stats()`."""

    code = "feedback_dropped"

    def __init__(self, reason: str, count: int, detail: str = "") -> None:
        message = f"{count} feedback event(s) dropped: {reason}"
        super().__init__(f"{message} ({detail})" if detail else message)
        self.reason = reason
        self.count = count


class PromptUnavailable(KaizenError):
    """There is no prompt to give; `__cause__` says why."""

    code = "prompt_unavailable"


class APIError(KaizenError):
    """An error answer, with the fields of its problem+json document where it had one."""

    code = "api_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        detail: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or type(self).code
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class InvalidRequest(APIError):
    """The server refused the content; `errors` names the fields."""

    code = "invalid_request"


class AuthenticationError(APIError):
    """The API key is missing, unknown, expired or revoked."""

    code = "authentication_failed"


class PermissionDenied(APIError):
    """The API key lacks the scope for this call."""

    code = "permission_denied"


class NotFound(APIError):
    """The key's project has no such object."""

    code = "not_found"


class PromptNotFound(PromptUnavailable, NotFound):
    """The task is unknown or has no version under this tag."""


class Conflict(APIError):
    """The request does not fit the present state of the object."""

    code = "conflict"


class RateLimited(APIError):
    """Too many requests; `retry_after_s` says when to come back."""

    code = "rate_limited"


class ServerError(APIError):
    """The server failed, or its answer is not one of Kaizen's."""

    code = "server_error"
