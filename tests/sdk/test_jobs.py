import json

import httpx
import pytest

from kaizen_sdk import (
    APIError,
    AuthenticationError,
    ClientClosed,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    Job,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from tests.sdk.scripted import ScriptedServer, problem


def test_starting_sends_only_what_was_given_and_returns_the_job(client_of):
    answer = {"job_id": "j-1", "estimate": {"calls_high": 90}}
    server = ScriptedServer(httpx.Response(202, json=answer))
    with client_of(server) as client:
        job = client.start_optimization("p-1", dataset_id="d-1", num_trials=5, budget_usd=2.5)
    assert job == Job(id="j-1", estimate={"calls_high": 90})
    assert server.requests[0].url.path == "/api/v1/optimization/start"
    assert json.loads(server.requests[0].content) == {
        "prompt_id": "p-1",
        "dataset_id": "d-1",
        "config": {"optimizer_type": "bootstrap", "num_trials": 5, "budget_usd": 2.5},
    }


def test_a_job_is_read_in_the_shape_of_the_api(client_of):
    answer = {
        "status": "succeeded",
        "stop_reason": "finished",
        "verdict": "confirmed",
        "progress": 100,
        "current_best_metric": 0.9,
        "baseline_metric": 0.5,
        "spent": {"usd": "0.12"},
        "budget": {"usd": "5"},
        "trials": [{"number": 1, "score": 0.9}],
        "something_new": True,
    }
    server = ScriptedServer(httpx.Response(200, json=answer))
    with client_of(server) as client:
        job = client.job("j-1")
    assert server.requests[0].url.path == "/api/v1/optimization/jobs/j-1"
    assert job.id == "j-1"
    assert job.is_finished
    assert (job.progress, job.current_best_metric, job.baseline_metric) == (100.0, 0.9, 0.5)
    assert job.trials == ({"number": 1, "score": 0.9},)
    assert (job.verdict, job.stop_reason) == ("confirmed", "finished")


def test_a_young_job_has_no_metrics_yet(client_of):
    answer = {"status": "running", "progress": 3, "current_best_metric": None, "trials": []}
    with client_of(ScriptedServer(httpx.Response(200, json=answer))) as client:
        job = client.job("j-1")
    assert job.current_best_metric is None
    assert not job.is_finished


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, InvalidRequest, "invalid_request"),
        (401, AuthenticationError, "authentication_failed"),
        (403, PermissionDenied, "permission_denied"),
        (404, NotFound, "not_found"),
        (409, Conflict, "conflict"),
        (422, InvalidRequest, "invalid_request"),
        (429, RateLimited, "rate_limited"),
        (503, ServerError, "server_error"),
        (418, APIError, "api_error"),
    ],
)
def test_every_error_answer_has_its_own_type_and_a_stable_code(status, error, code, client_of):
    with (
        client_of(ScriptedServer(httpx.Response(status, text="plain"))) as client,
        pytest.raises(error) as caught,
    ):
        client.job("j-1")
    assert (caught.value.status, caught.value.code) == (status, code)


def test_problem_json_fills_the_error(client_of):
    body = {
        "code": "budget_too_small",
        "detail": "The budget is smaller than the baseline.",
        "errors": [{"field": "config.budget_usd", "code": "too_small"}],
        "request_id": "r-9",
    }
    answer = httpx.Response(409, json=body, headers={"Retry-After": "3"})
    with (
        client_of(ScriptedServer(answer)) as client,
        pytest.raises(Conflict, match="The budget is smaller") as caught,
    ):
        client.start_optimization("p-1")
    error = caught.value
    assert (error.code, error.request_id, error.retry_after_s) == ("budget_too_small", "r-9", 3.0)
    assert error.errors == ({"field": "config.budget_usd", "code": "too_small"},)


def test_retry_after_may_be_a_date(client_of):
    dates = {
        "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
        "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
    }
    with (
        client_of(ScriptedServer(problem(429, "throttled", **dates))) as client,
        pytest.raises(RateLimited) as caught,
    ):
        client.job("j-1")
    assert caught.value.retry_after_s == 30.0


def test_no_answer_is_a_typed_error_too(client_of):
    with (
        client_of(ScriptedServer(httpx.ReadTimeout("slow"))) as client,
        pytest.raises(ConnectionFailed, match="/api/v1/optimization/jobs/j-1"),
    ):
        client.job("j-1")


def test_a_closed_client_starts_nothing(client_of):
    server = ScriptedServer()
    with client_of(server) as client:
        client.close()
        with pytest.raises(ClientClosed):
            client.start_optimization("p-1")
    assert server.requests == []
