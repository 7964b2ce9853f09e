"""What every request passes, and what only pages need.

Measured: session, user, messages and a policy built anew each time were a fifth of GET prompt.
"""

import re
from collections.abc import Callable
from typing import Any

import structlog
from csp import middleware as csp
from csp.constants import HEADER
from csp.utils import build_policy
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from uuid_utils.compat import uuid7

API = "/api/"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """One id for each request, in the answer, the problem document and every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-Id", "")
        request.request_id = offered if WELL_FORMED.fullmatch(offered) else uuid7().hex  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]
            response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class PagesOnly(MiddlewareMixin):
    """Lets a request for the API pass a middleware by."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)


class PolicyMiddleware(PagesOnly, csp.CSPMiddleware):  # type: ignore[misc]
    """An answer of the API has the same policy, never varied by a view."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._policy = build_policy()

    def __call__(self, request: HttpRequest) -> Any:
        response = super().__call__(request)
        response.headers.setdefault(HEADER, self._policy)
        return response


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware): ...


class AuthenticationMiddleware(PagesOnly, auth.AuthenticationMiddleware): ...


class MessageMiddleware(PagesOnly, messages.MessageMiddleware): ...
