"""Kaizen's HTTP API as pure functions: requests out of arguments, values out of answers.

Nothing here sends, waits or keeps state, so that any client, blocking or not, can use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from kaizen_sdk._version import __version__
from kaizen_sdk.errors import (
    APIError,
    AuthenticationError,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PromptNotFound,
    RateLimited,
    ServerError,
)
from kaizen_sdk.job import Job
from kaizen_sdk.prompt import Prompt

_ERRORS: Mapping[int, type[APIError]] = {
    400: InvalidRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, not yet sent."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one event: `status` as in HTTP, `code` where it was refused."""

    event_id: str
    status: int
    code: str = ""


def client_headers(api_key: str) -> dict[str, str]:
    return {
        "X-API-Key": api_key,
        "User-Agent": f"kaizen-sdk/{__version__}",
        "Accept": "application/json",
    }


def feedback_call(events: Iterable[bytes]) -> Call:
    content = b"[" + b",".join(events) + b"]"
    return Call("POST", "/api/v1/feedback/batch", headers=_JSON, content=content)


def prompt_call(task: str, tag: str, etag: str = "") -> Call:
    path = f"/api/v1/tasks/{quote(task, safe='')}/prompt"
    headers = {"If-None-Match": etag} if etag else {}
    return Call("GET", path, params={"tag": tag}, headers=headers)


def start_call(
    prompt_id: str, dataset_id: str | None, config: Mapping[str, Any], *, confirm: bool = False
) -> Call:
    body: dict[str, Any] = {"prompt_id": prompt_id}
    if confirm:
        body["confirm"] = True
    if dataset_id is not None:
        body["dataset_id"] = dataset_id
    body["config"] = {name: value for name, value in config.items() if value is not None}
    content = json.dumps(body, default=str, allow_nan=False).encode()
    return Call("POST", "/api/v1/optimization/start", headers=_JSON, content=content)


def job_call(job_id: str) -> Call:
    return Call("GET", f"/api/v1/optimization/jobs/{quote(str(job_id), safe='')}")


def read_feedback_answer(response: httpx.Response) -> list[ItemResult]:
    """Return one result for each item the server answered; APIError for the batch as a whole."""
    body = _json_body(response)
    if not isinstance(body, list):
        raise _nonsense(response, "a list of results was expected")
    return [_item_result(item) for item in body if isinstance(item, dict)]


def read_prompt_answer(response: httpx.Response, task: str) -> tuple[Prompt, str] | None:
    """Return the prompt and its ETag, None when the one we have is still right (304)."""
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return None
    body = _object_body(response)
    if not isinstance(body.get("artifact"), dict):
        raise _nonsense(response, "a prompt with an artifact was expected")
    prompt = Prompt(
        task=task,
        tag=str(body.get("tag", "")),
        version=str(body.get("version", "")),
        number=int(body.get("number") or 0),
        hash=str(body.get("hash", "")),
        artifact=body["artifact"],
    )
    return prompt, response.headers.get("ETag", "")


def read_job_answer(response: httpx.Response, job_id: str = "") -> Job:
    return Job.from_answer(_object_body(response), job_id=job_id)


def prompt_not_found(error: NotFound) -> PromptNotFound:
    """The same refusal as an error of `get_prompt`."""
    return PromptNotFound(
        str(error),
        status=error.status,
        code=error.code,
        detail=error.detail,
        errors=error.errors,
        request_id=error.request_id,
    )


def retry_after_s(response: httpx.Response) -> float | None:
    """Read Retry-After, given in seconds or as a date measured against the answer's own Date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _object_body(response: httpx.Response) -> dict[str, Any]:
    body = _json_body(response)
    if not isinstance(body, dict):
        raise _nonsense(response, "an object was expected")
    return body


def _json_body(response: httpx.Response) -> Any:
    if not response.is_success:
        raise _api_error(response)
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise _nonsense(response, "JSON was expected") from error


def _api_error(response: httpx.Response) -> APIError:
    status = response.status_code
    if status < httpx.codes.BAD_REQUEST:
        return _nonsense(response, "check the server address")
    problem = _problem(response)
    code, detail = str(problem.get("code") or ""), str(problem.get("detail") or "")
    errors = problem.get("errors")
    kind = _ERRORS.get(status, ServerError if status >= 500 else APIError)  # noqa: PLR2004
    return kind(
        f"the server answered {status}: {detail or code or response.reason_phrase}",
        status=status,
        code=code,
        detail=detail,
        errors=[e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else (),
        request_id=str(problem.get("request_id") or ""),
        retry_after_s=retry_after_s(response),
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _nonsense(response: httpx.Response, expectation: str) -> ServerError:
    message = f"the answer ({response.status_code}) is not one of Kaizen's: {expectation}"
    return ServerError(message, status=response.status_code, code="unexpected_answer")


def _item_result(item: Mapping[str, Any]) -> ItemResult:
    code, status = str(item.get("code") or ""), item.get("status")
    if not isinstance(status, int):
        status = 422 if code else 200
    return ItemResult(str(item.get("event_id", "")), status, code)


_JSON = {"Content-Type": "application/json"}
