"""Every route against input that means harm: a clear refusal, never a failure of ours."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from kaizen_site.errors import PROBLEM_JSON
from projects_app.models import Project, Scope
from tests.conftest import JsonClient
from tests.factories.projects import ApiKeyFactory, ProjectFactory, key_text
from tests.kaizen_site.route_table import ROUTES, Call, World, build_world

BATCH = "POST /api/v1/feedback/batch"
UPLOAD = "POST /api/v1/datasets/upload"
MIB = 1024 * 1024
DEEP = "[" * 5000 + "]" * 5000
DEEP_OBJECT = '{"a":' * 5000 + "1" + "}" * 5000
# Fragments of JSON that no field may hold, whatever its type.
REFUSED = {
    "deep": DEEP,
    "deep object": DEEP_OBJECT,
    "65 levels": "[" * 65 + "]" * 65,
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "overflow": "1e999",
    "5000 digits": "9" * 5000,
    "NUL": r'"a\u0000b"',
    "NUL in a name": r'{"a\u0000b": 1}',
    "lone surrogate": r'"\ud800"',
    "lone low surrogate": r'"\udc00 x"',
    "raw control character": '"a\x01b"',
}
# Valid JSON that is mostly of the wrong type: any answer but a failure will do.
ODD = (
    *("null", "true", "0", "-1", "1.5", "1e308", "-1e308", "123456789012345678901234567890"),
    *("[]", "{}", "[[]]", "[null]", '{"a": {"b": null}}', '""', '"  "', '"x"', '"é\u202e"'),
    *('"00000000-0000-0000-0000-000000000000"', '"2026-01-01"', json.dumps("x" * 300_000)),
    *("9" * 400, "-" + "9" * 4000),
)
# Bodies that are no object at all, or not even JSON.
BODIES = {
    "blank": b"  ",
    "cut off": b'{"a": ',
    "trailing": b'{"a": 1} x',
    "text": b"hello",
    "a string": b'"hello"',
    "a number": b"42",
    "null": b"null",
    "true": b"true",
    "NaN": b"NaN",
    "digits": b"9" * 5000,
    "deep": DEEP.encode(),
    "deep object": DEEP_OBJECT.encode(),
    "NUL byte": b'{"a": "\x00"}',
    "latin-1": b'{"a": "\xe9"}',
    "encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}
QUERIES = (
    *("%00", "a%00b", "%FF%FE", "%ED%A0%80", "", "-1", "0", "1.5", "NaN", "true", "null", "'"),
    *("9" * 30, "9" * 5000, "x" * 9000, "..%2F..", "%25s", "[]", "{}", "%F0%9F%92%A9", "%E2%80%AE"),
)
SEGMENTS = (
    *("%00", "a%00b", "%FF", "..", "%2e%2e%2f", "x" * 5000, "null", "0", "'", "%F0%9F%92%A9"),
    *("%D9%A1%D9%A2", "00000000-0000-0000-0000-000000000000", "{}", "a%0Ab", "a%20b"),
)
POSTS = [name for name in ROUTES if name.startswith(("POST", "PATCH"))]
GETS = [name for name in ROUTES if name.startswith("GET") and name != "GET /health"]
KEYED = POSTS + GETS
ALL_OPTIONAL = {
    "POST /api/v1/keys/{key_id}/revoke",
    "PATCH /api/v1/tasks/{slug}",
    "POST /api/v1/optimization/jobs/{job_id}/promote",
    "POST /api/v1/prompts/{prompt_id}/rollback",
    "POST /api/v1/optimization/jobs/{job_id}/cancel",
}


class Door:
    """One route with a valid call and a key for everything."""

    def __init__(self, route: str, project: Project) -> None:
        scopes = [scope.value for scope in Scope]
        key = key_text(ApiKeyFactory(project=project, scopes=scopes))
        self.route = ROUTES[route]
        self.name = route
        self.world: World = build_world(project)
        self.client = JsonClient(key, raise_request_exception=False)

    def call(self) -> Call:
        return self.route.call(self.world)

    def post(self, body: bytes, content_type: str = "application/json") -> Any:
        send = getattr(self.client, self.name.partition(" ")[0].lower())
        return send(self.call().path, data=body, content_type=content_type)

    def bodies_with(self, fragment: str) -> Iterator[tuple[str, bytes]]:
        """Yield the valid body with the fragment in the place of each of its fields, in turn."""
        body = self.call().body
        item = body[0] if isinstance(body, list) else body
        for name in (*item, "unknown"):
            text = json.dumps(item | {name: "@"}).replace('"@"', fragment)
            yield name, f"[{text}]".encode() if isinstance(body, list) else text.encode()


@pytest.fixture
def door(project: Project) -> Callable[[str], Door]:
    return lambda route: Door(route, project)


def check(answer: Any, *, what: str, must_refuse: bool = True) -> None:
    """Assert a clear refusal, or at least no failure."""
    status = answer.status_code
    assert status < 500, f"{what}: {status} {answer.content[:300]!r}"
    if status >= 400:
        assert answer["Content-Type"] == PROBLEM_JSON, what
        body = answer.json()
        assert body["code"], what
        assert body["detail"], what
        assert body["request_id"] == answer["X-Request-Id"], what
        assert len(answer.content) < 8 * MIB
    elif must_refuse:
        statuses = [item["status"] for item in answer.json()] if _is_batch(answer) else [status]
        assert all(400 <= one < 500 for one in statuses), f"{what}: {answer.content[:300]!r}"


def _is_batch(answer: Any) -> bool:
    return bool(answer.content.startswith(b"["))


def attack_bodies(door: Door) -> None:
    for name, body in BODIES.items():
        check(door.post(body), what=name)
    for text in ("", "[]", "{}"):
        must_refuse = not text and door.name not in ALL_OPTIONAL
        check(door.post(text.encode()), what=text or "empty", must_refuse=must_refuse)


def attack_fields(door: Door) -> None:
    for kind, fragment in REFUSED.items():
        for name, body in door.bodies_with(fragment):
            check(door.post(body), what=f"{kind} in {name}")
    for fragment in ODD:
        for name, body in door.bodies_with(fragment):
            check(door.post(body), what=f"{fragment[:40]} in {name}", must_refuse=False)


def attack_address(door: Door) -> None:
    call = door.call()
    send = getattr(door.client, door.name.partition(" ")[0].lower())
    body = {} if call.body is None else {"data": call.body}
    for parameter in (*door.route.query, "unknown", "format"):
        for value in QUERIES:
            what = f"?{parameter}={value[:40]}"
            check(send(f"{call.path}?{parameter}={value}", **body), what=what, must_refuse=False)
    if call.named and call.named in call.path:
        for segment in SEGMENTS:
            path = call.path.replace(quote(call.named), segment)
            check(send(path, **body), what=segment[:40])


def attack_headers(door: Door) -> None:
    call = door.call()
    send = getattr(door.client, door.name.partition(" ")[0].lower())
    body = {} if call.body is None else {"data": call.body}
    for name in ("If-None-Match", "Idempotency-Key", "X-Request-Id", "Accept-Language", "Origin"):
        for value in ('"', "W/", "*", "x" * 8000, "\xff\xfe", '"a", "b', "\x01", "null"):
            answer = send(call.path, headers={name: value}, **body)
            check(answer, what=f"{name}: {value[:20]!r}", must_refuse=False)


@pytest.mark.parametrize("route", POSTS)
def test_a_body_that_is_no_request_is_refused(route: str, door: Callable[[str], Door]) -> None:
    attack_bodies(door(route))


@pytest.mark.parametrize("route", POSTS)
def test_no_field_takes_what_cannot_be_stored(route: str, door: Callable[[str], Door]) -> None:
    attack_fields(door(route))


@pytest.mark.parametrize("route", [route for route in POSTS if route != UPLOAD])
def test_a_body_over_the_limit_is_too_large(route: str, door: Callable[[str], Door]) -> None:
    one = door(route)
    limit = 10 * MIB if route == BATCH else MIB
    for size in (limit + 1, 11 * MIB):
        answer = one.post(b'["' + b"x" * (size - 4) + b'"]')
        check(answer, what=f"{size} bytes")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("route", POSTS)
def test_a_body_of_another_kind_is_refused(route: str, door: Callable[[str], Door]) -> None:
    one = door(route)
    form = b"task=x&inputs=y"
    check(one.post(form, "application/x-www-form-urlencoded"), what="a form")
    check(one.post(b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"), what="multipart")
    check(one.post(b"<a/>", "application/xml"), what="XML")
    check(one.post(b"{}", "nonsense"), what="no media type")


@pytest.mark.parametrize("route", KEYED)
def test_no_address_breaks_a_route(route: str, door: Callable[[str], Door]) -> None:
    attack_address(door(route))


@pytest.mark.parametrize("route", KEYED)
def test_no_header_breaks_a_route(route: str, door: Callable[[str], Door]) -> None:
    attack_headers(door(route))


@pytest.mark.postgres
@pytest.mark.parametrize("live_database", ["postgres"], indirect=True)
def test_postgresql_which_stores_less_than_sqlite_fails_on_none_of_it(live_database: str) -> None:
    for route in KEYED:
        door = Door(route, ProjectFactory())
        attack_address(door)
        if route in POSTS:
            attack_bodies(door)
            attack_fields(door)
