"""The OpenAPI document: keys, scopes, problems and health, said once for all operations.

`manage.py spectacular --generator-class kaizen_site.schema.KaizenSchemaGenerator` prints it too.
"""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from kaizen_site.errors import PROBLEM_JSON
from projects_app.models import Scope

PREFIX = "/api/v1/"
REASONS = {
    "400": "A field or the body is not valid",
    "401": "No valid API key",
    "403": "The key lacks the scope, or a rule forbids it",
    "404": "Unknown, or another project's: the answer is the same",
    "409": "The state does not permit it",
    "413": "The body is too large",
    "default": "Any other failure",
}
PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string", "description": "An address on this site that explains the code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs"},
        "detail": {"type": "string", "description": "For people"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "request_id": {"type": "string", "description": "Also in the header and in the log"},
    },
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
}
FIELD_ERROR: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "field": {"type": "string", "description": "A dotted path"},
        "message": {"type": "string"},
    },
    "required": ["field", "message"],
}
HEALTH: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["ok", "unavailable"]},
        "parts": {
            "type": "object",
            "properties": {
                "database": {"type": "string", "enum": ["ok", "unavailable"]},
                "worker": {"type": "string", "enum": ["idle", "working", "late", "unknown"]},
            },
            "required": ["database", "worker"],
        },
    },
    "required": ["status", "parts"],
}
REQUEST_ID: Mapping[str, Any] = {
    "description": "The id of this request; one that is sent along is kept",
    "schema": {"type": "string"},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "projects_app.authentication.ApiKeyAuthentication"
    name = ["ApiKey", "Bearer"]  # noqa: RUF012

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "http", "scheme": "bearer", "description": "The same key"},
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{name: []} for name in self.name]


class KaizenSchemaGenerator(SchemaGenerator):
    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        document: dict[str, Any] = super().get_schema(request, public)  # type: ignore[no-untyped-call]
        endpoints: list[tuple[str, str, str, Any]] = self.endpoints  # type: ignore[assignment]
        for path, _, method, callback in endpoints:
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                _complete(path, operation, callback.cls.scopes[method])
        document["paths"]["/health"] = {"get": _health()}
        document["tags"] = _tags(document["paths"])
        _add_components(document["components"])
        return document


def _complete(path: str, operation: dict[str, Any], scope: Scope | None) -> None:
    operation["tags"] = [path.removeprefix(PREFIX).split("/")[0]]
    if scope is not None:
        operation["x-required-scope"] = scope.value
        said = operation.get("description", "")
        needs = f"Needs the scope `{scope.value}`."
        operation["description"] = f"{said}\n\n{needs}" if said else needs
    for status in _failures(path, operation):
        operation["responses"].setdefault(status, _failure(status))
    for response in operation["responses"].values():
        response["description"] = response["description"] or "Done"
        response["headers"] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}


def _failures(path: str, operation: Mapping[str, Any]) -> list[str]:
    has_body = "requestBody" in operation
    has_query = any(one["in"] == "query" for one in operation.get("parameters", ()))
    wanted = {
        "400": has_body or has_query,
        "401": True,
        "403": True,
        "404": has_body or "{" in path,
        "409": has_body or path.endswith("/result"),
        "413": has_body,
        "default": True,
    }
    return [status for status, is_wanted in wanted.items() if is_wanted]


def _failure(status: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": REASONS[status], "content": {PROBLEM_JSON: {"schema": schema}}}


def _health() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}
    return {
        "operationId": "health",
        "tags": ["health"],
        "description": "Is the site able to work? `worker` is told, and never makes the site ill: "
        "`late` means that a job waits too long or has lost its worker, `idle` that there is "
        "nothing to do, so that nothing is known.",
        "security": [{}],
        "responses": {
            "200": {"description": "The database answers", "content": content},
            "503": {"description": "It does not", "content": content},
        },
    }


def _tags(paths: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    names = {tag for path in paths.values() for one in path.values() for tag in one["tags"]}
    return [{"name": name} for name in sorted(names)]


def _add_components(components: dict[str, Any]) -> None:
    components["schemas"] |= {
        "FieldError": dict(FIELD_ERROR),
        "Health": dict(HEALTH),
        "Problem": dict(PROBLEM),
    }
    components["headers"] = {"RequestId": dict(REQUEST_ID)}
