"""Every failure of the API as one RFC 9457 problem document with a stable code."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from kaizen_engine.errors import BreakerOpen, KaizenError, PriceUnknown
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere

logger = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowed, 403),
    (NotHere, 404),
    (Conflict, 409),
    (PriceUnknown, 409),
    (BreakerOpen, 503),
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


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of a view into a problem document; the unforeseen is logged as 500."""
    status, code, detail, errors, headers = _reading(error)
    if status == 500:
        logger.exception("unhandled error in the API", exc_info=error)
    request = context.get("request")
    body = {
        "type": f"/docs/problems#{code}",
        "title": TITLES.get(status, "The request failed"),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors,
        "request_id": getattr(request, "request_id", ""),
    }
    return Response(body, status=status, headers=headers, content_type=PROBLEM_JSON)


Reading = tuple[int, str, str, list[dict[str, str]], dict[str, str]]


def _reading(error: Exception) -> Reading:
    if isinstance(error, KaizenError):
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        fields = error.errors if isinstance(error, InvalidInput) else {}
        errors = [{"field": name, "message": text} for name, text in fields.items()]
        return status, error.code, str(error), errors, {}
    if isinstance(error, Http404):
        return 404, "not_found", "There is nothing here for this key.", [], {}
    if isinstance(error, RequestDataTooBig):
        return 413, "too_large", "The body is larger than this address takes.", [], {}
    if isinstance(error, drf.ValidationError):
        return 400, "invalid", "Some fields are not valid.", _field_errors(error.detail), {}
    if isinstance(error, drf.APIException):
        return _drf_reading(error)
    return 500, "internal_error", "An unforeseen error; it was logged.", [], {}


def _drf_reading(error: drf.APIException) -> Reading:
    headers = {}
    if isinstance(error, drf.Throttled) and error.wait is not None:
        headers["Retry-After"] = str(int(error.wait) + 1)
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        headers["WWW-Authenticate"] = "Bearer"
        return 401, "no_valid_key", str(error.detail), [], headers
    code = error.get_codes()
    return (
        error.status_code,
        code if isinstance(code, str) else "invalid",
        str(error.detail),
        [],
        headers,
    )


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
