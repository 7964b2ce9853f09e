"""Every route against every kind of key: generated from the OpenAPI document."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kaizen_site.docs import openapi_document
from kaizen_site.errors import PROBLEM_JSON
from projects_app.models import Project, Scope
from tasks_app.models import Task
from tests.conftest import JsonClient
from tests.factories.projects import ApiKeyFactory, key_text
from tests.kaizen_site.route_table import ROUTES, Call, World, build_world, footprint

BATCH = "POST /api/v1/feedback/batch"
DOCUMENT: dict[str, Any] = json.loads(openapi_document())
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
KEYED = [name for name, operation in OPERATIONS.items() if "x-required-scope" in operation]
ABOUT = [name for name in KEYED if "{" in name or name in {"POST /api/v1/feedback", BATCH}]
ABOUT += ["POST /api/v1/optimization/start", "POST /api/v1/datasets/upload"]
NAMING_A_VERSION = [("versions", "parent"), ("promote", "version"), ("rollback", "version")]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
GARBAGE = (
    "nonsense",
    "kz_live_00000000_" + "x" * 43,
    "kz_live__",
    "kz_live_%_' OR 1=1 --",
    "ключ",
    "x" * 8000,
)


@pytest.fixture
def world(project: Project) -> World:
    return build_world(project)


@pytest.fixture
def other_world(other_project: Project) -> World:
    return build_world(other_project)


def send(client: Client, route: str, call: Call, **headers: str) -> Any:
    method = route.partition(" ")[0].lower()
    body = {} if call.body is None else {"data": call.body, "format": "json"}
    if call.file:
        file = SimpleUploadedFile("rows.csv", call.file.encode())
        body = {"data": {**call.body, "file": file}, "format": "multipart"}
    return getattr(client, method)(call.path, **body, headers=headers)


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem document, checked to be one."""
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM_JSON), answer.content
    body = answer.json()
    assert set(body) == set(DOCUMENT["components"]["schemas"]["Problem"]["required"])
    assert body["status"] == status
    assert body["code"]
    assert body["request_id"] == answer["X-Request-Id"]
    return dict(body)


def scope_of(route: str) -> Scope:
    return Scope(OPERATIONS[route]["x-required-scope"])


def test_every_route_is_in_the_table_and_the_table_names_no_other() -> None:
    assert set(ROUTES) == set(OPERATIONS)


def test_the_table_names_every_query_parameter() -> None:
    documented = {
        name: {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        for name, operation in OPERATIONS.items()
    }
    assert {name: set(route.query) for name, route in ROUTES.items()} == documented


def test_only_health_needs_no_key() -> None:
    assert sorted(set(OPERATIONS) - set(KEYED)) == ["GET /health"]


@pytest.mark.parametrize("route", KEYED)
def test_a_key_with_the_scope_alone_is_served(
    route: str, world: World, key_with: Callable[..., str]
) -> None:
    client = JsonClient(key_with(scope_of(route), *ROUTES[route].also))
    answer = send(client, route, ROUTES[route].call(world))
    assert answer.status_code == ROUTES[route].status, answer.content
    assert answer["X-Request-Id"]


@pytest.mark.parametrize("route", KEYED)
def test_no_key_and_no_live_key_are_refused(
    route: str, world: World, all_scopes_key: str, project: Project
) -> None:
    dead = [
        key_text(ApiKeyFactory(project=project, expired=True)),
        key_text(ApiKeyFactory(project=project, revoked=True)),
        all_scopes_key[:-1] + "?",
        all_scopes_key[:-1],
    ]
    call, before = ROUTES[route].call(world), footprint(world)
    answers = [send(JsonClient(), route, call)]
    for text in (*GARBAGE, *dead):
        header = text.encode().decode("latin-1")
        answers.append(send(JsonClient(), route, call, **{"X-API-Key": header}))
        answers.append(send(JsonClient(), route, call, Authorization=f"Bearer {header}"))
    answers.append(send(JsonClient(), route, call, Authorization=f"Basic {all_scopes_key}"))
    for answer in answers:
        assert problem(answer, 401)["code"] == "no_valid_key"
        assert answer["WWW-Authenticate"] == "Bearer"
    assert footprint(world) == before


@pytest.mark.parametrize("route", KEYED)
def test_the_same_key_as_a_bearer_is_served(route: str, world: World, all_scopes_key: str) -> None:
    call = ROUTES[route].call(world)
    answer = send(JsonClient(), route, call, Authorization=f"bearer {all_scopes_key}")
    assert answer.status_code == ROUTES[route].status, answer.content


@pytest.mark.parametrize("route", KEYED)
def test_each_missing_scope_is_refused(
    route: str, world: World, key_with: Callable[..., str]
) -> None:
    before = footprint(world)
    for missing in (scope_of(route), *ROUTES[route].also):
        client = JsonClient(key_with(*(scope for scope in Scope if scope is not missing)))
        body = problem(send(client, route, ROUTES[route].call(world)), 403)
        assert missing.value in body["detail"]
    assert footprint(world) == before


@pytest.mark.parametrize("route", ABOUT)
def test_another_projects_object_is_the_same_as_an_unknown_one(
    route: str, world: World, other_project: Project, key_with: Callable[..., str]
) -> None:
    # With task:create an unknown slug in feedback is a new task, see the test after this one.
    scopes = set(Scope) - {Scope.TASK_CREATE}
    outsider_client = JsonClient(key_with(*scopes, project=other_project))
    theirs, before = ROUTES[route].call(world), footprint(world)
    unknown = theirs.about_nothing()
    seen = [_anonymous(send(outsider_client, route, call), call) for call in (theirs, unknown)]
    assert seen[0] == seen[1]
    assert footprint(world) == before
    if route == BATCH:
        assert [(item["status"], item["code"]) for item in seen[0]] == [(404, "unknown_task")]
    else:
        assert problem(send(outsider_client, route, theirs), 404)["code"].startswith("unknown_")


def _anonymous(answer: Any, call: Call) -> Any:
    """Return the body without what may differ: the id asked for and the request's own."""
    body = json.loads(answer.content.decode().replace(call.named, "<named>"))
    if isinstance(body, dict):
        body["request_id"] = ""
        return body
    return [item | {"event_id": ""} for item in body]


@pytest.mark.parametrize("route", ["POST /api/v1/feedback", BATCH])
def test_feedback_for_another_projects_slug_makes_a_task_of_ones_own(
    route: str, world: World, other_project: Project, outsider_client: JsonClient
) -> None:
    before = footprint(world)
    assert send(outsider_client, route, ROUTES[route].call(world)).status_code < 300
    assert footprint(world) == before
    assert Task.objects.filter(project=other_project, slug=world.task.slug).exists()


@pytest.mark.parametrize(("action", "field"), NAMING_A_VERSION)
def test_a_version_of_another_project_cannot_be_named_in_a_body(
    action: str, field: str, world: World, other_world: World, api_client: JsonClient
) -> None:
    route = f"POST /api/v1/prompts/{{prompt_id}}/{action}"
    call, before = ROUTES[route].call(world), footprint(world)
    body = call.body | {field: str(other_world.proven.public_id)}
    answer = send(api_client, route, Call(call.path, body))
    assert problem(answer, 404)["code"] == "unknown_version"
    assert footprint(world) == before


@pytest.mark.parametrize("route", [name for name in KEYED if ROUTES[name].is_list])
def test_a_list_shows_own_rows_only(
    route: str, world: World, other_world: World, api_client: JsonClient
) -> None:
    shown = set(_texts(send(api_client, route, ROUTES[route].call(world)).json()))
    assert shown & world.names
    assert not shown & other_world.names


@pytest.mark.parametrize("route", KEYED)
def test_no_answer_carries_anything_of_another_project(
    route: str, world: World, other_world: World, api_client: JsonClient
) -> None:
    answer = send(api_client, route, ROUTES[route].call(world))
    assert not set(_texts(_content(answer))) & (other_world.names - world.names)


@pytest.mark.parametrize("route", [name for name in KEYED if ROUTES[name].creates])
def test_a_create_lands_in_the_keys_project(
    route: str, world: World, other_world: World, api_client: JsonClient
) -> None:
    model, before = ROUTES[route].creates, footprint(other_world)
    call = ROUTES[route].call(world)
    elsewhere = {"project": other_world.project.slug, "project_id": other_world.project.pk}
    known = set(model.objects.values_list("pk", flat=True))
    answer = send(api_client, route, call)
    assert answer.status_code == ROUTES[route].status, answer.content
    made = model.objects.exclude(pk__in=known).get()
    assert (made.task if hasattr(made, "task") else made).project == world.project
    assert footprint(other_world) == before
    if isinstance(call.body, dict):
        fresh = ROUTES[route].call(world)
        retry = replace(fresh, body=fresh.body | elsewhere)
        assert send(api_client, route, retry).status_code == 400


@pytest.mark.parametrize("path", [path for path in DOCUMENT["paths"] if path != "/health"])
def test_an_unknown_method_is_refused_with_the_known_ones(
    path: str, world: World, api_client: JsonClient
) -> None:
    known = {method.upper() for method in DOCUMENT["paths"][path]}
    concrete = ROUTES[f"{sorted(known)[0]} {path}"].call(world).path
    for method in METHODS - known:
        answer = getattr(api_client, method.lower())(concrete)
        assert problem(answer, 405)["code"] == "method_not_allowed"
        assert known <= set(answer["Allow"].split(", "))


@pytest.mark.parametrize("route", [name for name in KEYED if name.startswith("GET")])
def test_an_answer_is_read_as_json_or_not_at_all(
    route: str, world: World, api_client: JsonClient
) -> None:
    call = ROUTES[route].call(world)
    assert send(api_client, route, call, Accept="application/json").status_code == 200
    assert problem(send(api_client, route, call, Accept="text/csv"), 406)
    head = api_client.head(call.path)
    assert (head.status_code, head.content) == (200, b"")


def _content(answer: Any) -> Any:
    """Return what the answer says; of a zip, the text of each of its files."""
    if answer["Content-Type"] != "application/zip":
        return answer.json()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = [archive.read(name).decode() for name in archive.namelist()]
    return [json.loads(line) for file in files for line in file.splitlines()]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
