"""The lines of code in the guide check what is really sent."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects_app.senders import signature

GUIDE = Path("docs/guide/notifications.md")
BODY = '{"title": "größer"}'.encode()


@pytest.fixture(scope="module")
def is_from_kaizen() -> Callable[..., bool]:
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    check: Callable[..., bool] = names["is_from_kaizen"]
    return check


def headers(secret: str, body: bytes = BODY) -> dict[str, str]:
    return {"Kaizen-Timestamp": "1000", "Kaizen-Signature": signature(secret, "1000", body)}


def test_the_guides_code_takes_what_kaizen_signed(is_from_kaizen: Callable[..., bool]) -> None:
    assert is_from_kaizen("s3cret", headers("s3cret"), BODY, now=1000)


@pytest.mark.parametrize(
    ("sent", "body", "now"),
    [
        (headers("another"), BODY, 1000),
        (headers("s3cret"), BODY + b" ", 1000),
        (headers("s3cret") | {"Kaizen-Timestamp": "1001"}, BODY, 1000),
        (headers("s3cret"), BODY, 1301),
    ],
)
def test_the_guides_code_refuses_another_secret_body_or_time(
    is_from_kaizen: Callable[..., bool], sent: dict[str, str], body: bytes, now: int
) -> None:
    assert not is_from_kaizen("s3cret", sent, body, now=now)
