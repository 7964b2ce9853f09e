"""Failures: one shape in the API, a small page elsewhere, a request id in each."""

import re
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from django.test import Client, RequestFactory
from rest_framework.exceptions import Throttled

from kaizen_engine.errors import (
    BreakerOpen,
    InvalidArtifact,
    KaizenError,
    PriceUnknown,
    ProviderUnavailable,
)
from kaizen_site.errors import PROBLEM_JSON, problem_response
from kaizen_site.problems import PROBLEMS
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere

ROOT = Path(__file__).resolve().parents[2]
DOORS = ("projects_app", "tasks_app", "feedback_app", "prompts_app", "optimization_app")
CASES = [
    (InvalidInput("no", errors={"name": "is missing"}), 400, "invalid"),
    (InvalidArtifact("no"), 400, "invalid_artifact"),
    (KaizenError("no"), 400, "error"),
    (UnreadablePostError("cut off"), 400, "parse_error"),
    (NotAllowed("no"), 403, "not_allowed"),
    (PermissionDenied(), 403, "not_allowed"),
    (NotHere("no", code="unknown_task"), 404, "unknown_task"),
    (Http404(), 404, "not_found"),
    (Conflict("no", code="stale"), 409, "stale"),
    (PriceUnknown("no"), 409, "price_unknown"),
    (RequestDataTooBig(), 413, "too_large"),
    (Throttled(wait=2.5), 429, "throttled"),
    (ZeroDivisionError("secret"), 500, "internal_error"),
    (BreakerOpen("no", retry_after=9.5), 503, "breaker_open"),
    (ProviderUnavailable("no", retry_after=3.0), 503, "provider_unavailable"),
    (OperationalError("locked"), 503, "database_unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda case: str(case)[:30])
def test_every_kind_of_error_has_its_status_and_code(
    error: Exception, status: int, code: str
) -> None:
    request = RequestFactory().get("/api/v1/tasks")
    request.request_id = "request-1"
    answer = problem_response(error, {"request": request})
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer.content_type == PROBLEM_JSON
    assert answer.data["request_id"] == "request-1"
    assert "secret" not in answer.data["detail"]


def test_an_answer_to_wait_for_says_how_long() -> None:
    waits = {
        type(error).__name__: problem_response(error, {}).headers.get("Retry-After")
        for error, status, _ in CASES
        if status in {429, 503}
    }
    assert waits == {
        "Throttled": "4",
        "BreakerOpen": "10",
        "ProviderUnavailable": "4",
        "OperationalError": "1",
    }


def test_wrong_fields_are_named() -> None:
    answer = problem_response(InvalidInput("no", errors={"config.minutes": "is too long"}), {})
    assert answer.data["errors"] == [{"field": "config.minutes", "message": "is too long"}]


def test_every_code_a_service_uses_is_explained(client: Client) -> None:
    literal = re.compile(r'(?:code=|Objection\()"([a-z_]+)"')
    used = {
        code
        for door in DOORS
        for path in (ROOT / door).rglob("*.py")
        if "admin" not in path.name
        for code in literal.findall(path.read_text())
    }
    known = {problem.code for problem in PROBLEMS}
    assert used - known == set()
    assert len(known) == len(PROBLEMS)
    page = client.get("/docs/problems").content.decode()
    assert all(f'id="{code}"' in page for code in known)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/", "/api/nothing", "/api/v1/tasks/é"])
def test_an_unknown_address_of_the_api_is_a_problem(client: Client, method: str, path: str) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM_JSON)
    body = answer.json()
    assert body["code"] == "not_found"
    assert body["request_id"] == answer["X-Request-Id"]


def test_elsewhere_an_unknown_address_is_a_page_with_the_request_id(client: Client) -> None:
    answer = client.get("/nothing", headers={"X-Request-Id": "abc-12345"})
    assert (answer.status_code, answer["X-Request-Id"]) == (404, "abc-12345")
    assert "abc-12345" in answer.content.decode()


def test_a_request_id_that_is_not_well_formed_is_replaced(client: Client) -> None:
    for offered in ("x", "a" * 65, "<script>alert(1)</script>"):
        assert client.get("/nothing", headers={"X-Request-Id": offered})["X-Request-Id"] != offered


def test_a_wrong_host_is_refused_without_a_stack(client: Client) -> None:
    for path, kind in (("/api/v1/tasks", PROBLEM_JSON), ("/docs", "text/html; charset=utf-8")):
        answer = client.get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, answer["Content-Type"]) == (400, kind)


@pytest.mark.urls("tests.kaizen_site.exploding_urls")
@pytest.mark.parametrize(("path", "status"), [("explode", 500), ("forbid", 403)])
def test_a_failure_outside_the_api_views_is_a_problem_or_a_page(path: str, status: int) -> None:
    client = Client(raise_request_exception=False)
    problem, page = client.get(f"/api/{path}"), client.get(f"/{path}")
    assert (problem.status_code, page.status_code) == (status, status)
    assert problem["Content-Type"] == PROBLEM_JSON
    assert problem.json()["request_id"] == problem["X-Request-Id"]
    assert page["X-Request-Id"] in page.content.decode()
    assert b"secret" not in problem.content + page.content
