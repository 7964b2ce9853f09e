"""The REST door: who gets in, and the problem document for who does not."""

from typing import ClassVar

import pytest
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import ApiKey, Scope
from tests.factories.projects import ApiKeyFactory, key_text

REFUSED = "This API key is unknown, revoked or expired."


class EchoApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ, "POST": Scope.PROMPT_WRITE, "PUT": None}

    def get(self, request: Request) -> Response:
        return Response({"actor": request.auth.label, "project": request.auth.project_id})

    def post(self, request: Request) -> Response:
        if "field" in request.data:
            raise InvalidInput("that is wrong", errors={"field": "it is wrong"})
        raise Conflict("somebody was faster", code="stale")

    def put(self, request: Request) -> Response:
        return Response({})

    def delete(self, request: Request) -> Response:
        return Response({})


class BrokenApi(APIView):
    scopes: ClassVar = {"GET": None}

    def get(self, request: Request) -> Response:
        raise RuntimeError("kz_live_abcdefgh_" + "s" * 43)


urlpatterns = [path("echo", EchoApi.as_view()), path("broken", BrokenApi.as_view())]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def problem(response, status: int, code: str) -> dict:
    assert response.status_code == status
    assert response["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response["X-Request-Id"]
    assert {"type", "title", "detail", "errors"} <= set(body)
    return body


def test_a_key_is_taken_from_either_header(client, all_scopes_key, project):
    for headers in (
        {"X-API-Key": all_scopes_key},
        {"Authorization": f"Bearer {all_scopes_key}"},
        {"Authorization": f"bearer  {all_scopes_key}"},
    ):
        answer = client.get("/echo", headers=headers)
        assert answer.status_code == 200
        assert answer.json()["project"] == project.pk


def test_no_key_is_401_and_says_how_to_present_one(client):
    answer = client.get("/echo")
    problem(answer, 401, "no_valid_key")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_unknown_revoked_and_expired_keys_get_one_answer(client_with):
    revoked, expired = ApiKeyFactory(revoked=True), ApiKeyFactory(expired=True)
    valid = ApiKeyFactory()
    texts = [key_text(revoked), key_text(expired), key_text(valid) + "x", "kz_live_x_y", "x"]
    bodies = [problem(client_with(text).get("/echo"), 401, "no_valid_key") for text in texts]
    assert {body["detail"] for body in bodies} == {REFUSED}


def test_a_browser_session_is_no_key(client, admin_member):
    client.force_login(admin_member)
    problem(client.get("/echo"), 401, "no_valid_key")


def test_a_missing_scope_is_403_and_named(client_with, key_with):
    client = client_with(key_with(Scope.FEEDBACK_WRITE))
    body = problem(client.get("/echo"), 403, "permission_denied")
    assert Scope.PROMPT_READ.value in body["detail"]


def test_head_needs_the_scope_of_get(client_with, key_with):
    assert client_with(key_with(Scope.FEEDBACK_WRITE)).head("/echo").status_code == 403
    assert client_with(key_with(Scope.PROMPT_READ)).head("/echo").status_code == 200


def test_a_scope_opens_its_own_method_only(client_with, key_with):
    client = client_with(key_with(Scope.PROMPT_READ))
    assert client.get("/echo").status_code == 200
    problem(client.post("/echo", {}), 403, "permission_denied")
    assert client.put("/echo", {}).status_code == 200


def test_a_method_whose_scope_was_forgotten_is_closed(api_client):
    problem(api_client.delete("/echo"), 403, "permission_denied")


def test_a_method_nobody_answers_is_405(api_client):
    problem(api_client.patch("/echo", {}), 405, "method_not_allowed")


def test_a_refusal_names_the_field(api_client):
    body = problem(api_client.post("/echo", {"field": 1}), 400, "invalid")
    assert body["errors"] == [{"field": "field", "message": "it is wrong"}]


def test_a_conflict_keeps_its_code(api_client):
    problem(api_client.post("/echo", {}), 409, "stale")


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'{"a": "\\u0000"}', b"[" * 200 + b"]" * 200, b"\xff\xfe"]
)
def test_a_body_that_is_no_acceptable_json_is_400(api_client, body):
    answer = api_client.generic("POST", "/echo", body, content_type="application/json")
    if body:
        problem(answer, 400, "parse_error")
    else:
        problem(answer, 409, "stale")


def test_the_unforeseen_is_500_and_tells_nothing(api_client, caplog):
    api_client.raise_request_exception = False
    body = problem(api_client.get("/broken"), 500, "internal_error")
    assert "kz_live" not in str(body)
    assert "unhandled error" in caplog.text


def test_use_is_noted_once_a_minute(api_client, project):
    api_client.get("/echo")
    key = ApiKey.objects.get(project=project)
    assert key.last_used_ip == "127.0.0.1"
    first = key.last_used_at
    api_client.get("/echo")
    key.refresh_from_db()
    assert key.last_used_at == first


def test_a_known_key_costs_no_query(api_client, django_assert_num_queries):
    api_client.get("/echo")
    with django_assert_num_queries(0):
        api_client.get("/echo")
