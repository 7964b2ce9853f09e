"""Harmful texts in every stored field, before a real browser: nothing runs, nothing breaks out."""

from collections.abc import Iterator
from typing import Any

import pytest

from projects_app.models import Role
from prompts_app.models import PromptVersion
from tests.e2e.conftest import SIZES, Screen, browse
from tests.e2e.stage import Stage
from tests.hostile.spoil import MARK, hostile_entry, hostile_version, spoil

EXPOSED = (
    *("home", "feedback", "one feedback", "compare", "failures", "a failed job", "audit"),
    *("insights", "a run on one input", "notifications", "job list", "versions", "draft"),
)


@pytest.fixture
def harm(stage: Stage) -> PromptVersion:
    spoil()
    hostile_entry(stage.draft)
    return hostile_version(stage.draft)


@pytest.fixture
def phone(chromium: str, site: str, harm: PromptVersion) -> Iterator[Screen]:
    """Opened after the harm is done: from then on the ORM belongs to another thread."""
    with browse(chromium, site, "light", SIZES[1]) as shown:
        yield shown


def test_nothing_stored_runs_in_a_browser(stage: Stage, harm: PromptVersion, phone: Screen) -> None:
    page, found = phone.page, []
    asked: list[Any] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    phone.sign_in(stage.room.people[Role.ADMIN])
    places = {name: stage.pages[name] for name in EXPOSED}
    for name, place in (places | {"hostile compare": stage.compare_with(harm)}).items():
        phone.open(place)
        if page.evaluate(f"window.{MARK}") is not None:
            found.append(f"{name}: it ran")
        if phone.scrolls_sideways:
            found.append(f"{name}: it scrolls sideways")
    assert (found, asked) == ([], [])
    assert phone.said == []
    assert phone.foreign == []
