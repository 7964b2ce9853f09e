"""Every failure of the API as one RFC 9457 problem document with a stable code."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from kaizen_engine.errors import BreakerOpen, KaizenError, PriceUnknown, ProviderError
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere

logger = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowed, 403),
    (NotHere, 404),
    (Conflict, 409),
    (PriceUnknown, 409),
    (BreakerOpen, 503),
    (ProviderError, 503),
    (KaizenError, 400),
)
TITLES = {
    400: "The request is not valid",
    401: "No valid API key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    415: "Media type not supported",
    429: "Too many requests",
    500: "Something broke here",
    503: "Not available now",
}
PROBLEM_JSON = "application/problem+json"
UNFORESEEN = "An unforeseen error; it was logged."


@dataclass(frozen=True)
class Reading:
    """What an exception means to a client."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of a view into a problem document; the unforeseen is logged as 500."""
    reading = _reading(error)
    if reading.status == 500:
        logger.exception("unhandled error in the API", exc_info=error)
    elif isinstance(error, OperationalError):
        logger.error("the database did not answer in the API", exc_info=error)
    return Response(
        _document(context.get("request"), reading),
        status=reading.status,
        headers=reading.headers,
        content_type=PROBLEM_JSON,
    )


def plain_problem(request: HttpRequest, status: int, code: str, detail: str) -> JsonResponse:
    """Return the same document where no API view was reached."""
    body = _document(request, Reading(status, code, detail))
    return JsonResponse(body, status=status, content_type=PROBLEM_JSON)


def _document(request: Request | HttpRequest | None, reading: Reading) -> dict[str, Any]:
    return {
        "type": f"/docs/problems#{reading.code}",
        "title": TITLES.get(reading.status, "The request failed"),
        "status": reading.status,
        "code": reading.code,
        "detail": reading.detail,
        "errors": reading.errors,
        "request_id": getattr(request, "request_id", ""),
        **reading.facts,
    }


def _reading(error: Exception) -> Reading:
    if isinstance(error, KaizenError):
        return _kaizen_reading(error)
    if isinstance(error, drf.ValidationError):
        return Reading(400, "invalid", "Some fields are not valid.", _field_errors(error.detail))
    if isinstance(error, drf.APIException):
        return _drf_reading(error)
    return _django_reading(error)


def _kaizen_reading(error: KaizenError) -> Reading:
    status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
    fields = error.errors if isinstance(error, InvalidInput) else {}
    errors = [{"field": name, "message": text} for name, text in fields.items()]
    wait = getattr(error, "retry_after", None) if status == 503 else None
    headers = {} if wait is None else {"Retry-After": str(int(wait) + 1)}
    facts = error.facts if isinstance(error, Conflict) else {}
    return Reading(status, error.code, str(error), errors, headers, facts)


def _drf_reading(error: drf.APIException) -> Reading:
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        headers["WWW-Authenticate"] = "Bearer"
        return Reading(401, "no_valid_key", str(error.detail), headers=headers)
    code = error.get_codes()
    known = code if isinstance(code, str) else "invalid"
    return Reading(error.status_code, known, str(error.detail), headers=headers)


def _django_reading(error: Exception) -> Reading:
    if isinstance(error, Http404):
        return Reading(404, "not_found", "There is nothing here for this key.")
    if isinstance(error, PermissionDenied):
        return Reading(403, "not_allowed", "This key may not do that.")
    if isinstance(error, RequestDataTooBig):
        return Reading(413, "too_large", "The body is larger than this address takes.")
    if isinstance(error, UnreadablePostError):
        return Reading(400, "parse_error", "The body broke off.")
    if isinstance(error, OperationalError):
        detail = "The database is busy or away; nothing was stored. Try again."
        return Reading(503, "database_unavailable", detail, headers={"Retry-After": "1"})
    return Reading(500, "internal_error", UNFORESEEN)


def _field_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    if isinstance(detail, Mapping):
        return [
            row
            for name, inner in detail.items()
            for row in _field_errors(inner, f"{path}.{name}" if path else str(name))
        ]
    if isinstance(detail, list | tuple):
        return [row for inner in detail for row in _field_errors(inner, path)]
    return [{"field": path, "message": str(detail)}]
