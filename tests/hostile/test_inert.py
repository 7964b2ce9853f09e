"""Texts that mean harm, in every stored field, are words on every page and in every file."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from projects_app.models import Role
from prompts_app.models import PromptVersion
from tests.e2e.stage import Stage, build_stage
from tests.hostile.reading import dangers_of, formulas_of
from tests.hostile.spoil import HOSTILE, hostile_entry, hostile_version, spoil

pytestmark = pytest.mark.django_db
# A page with a line of a million characters has to show a part of it.
LONGEST_PAGE = 900_000


@pytest.fixture
def stage() -> Stage:
    return build_stage()


@pytest.fixture
def harm(stage: Stage) -> PromptVersion:
    """Spoil every row of the stage, and add what cannot be changed once it stands."""
    assert len(spoil()) > 40
    hostile_entry(stage.draft)
    return hostile_version(stage.draft)


@pytest.fixture
def boss(stage: Stage, client: Client) -> Client:
    client.force_login(
        stage.room.people[Role.ADMIN], backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def places(stage: Stage, version: PromptVersion) -> Iterator[tuple[str, str]]:
    yield from stage.pages.items()
    here = f"/p/{stage.room.project.slug}/prompts/{version.task.slug}/"
    yield "hostile compare", stage.compare_with(version)
    yield "hostile version", f"{here}versions/{version.number}/"
    yield "hostile edit", f"{here}versions/{version.number}/edit/"
    yield "hostile admin", f"/admin/prompts_app/promptversion/{version.pk}/change/"


def body(answer: Any) -> str:
    whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return whole.decode("utf-8-sig")


def test_nothing_stored_runs_on_any_page_or_in_any_file(
    stage: Stage, harm: PromptVersion, boss: Client
) -> None:
    csv.field_size_limit(10_000_000)
    found: dict[str, Any] = {}
    files: set[str] = set()
    for name, place in places(stage, harm):
        answer = boss.get(place, follow=True)
        text = body(answer)
        reader = dangers_of(text)
        files |= {place + one if one.startswith("?") else one for one in reader.files}
        trouble = [*dict.fromkeys(reader.found)]
        trouble += [f"answers {answer.status_code}"] if answer.status_code != 200 else []
        trouble += [f"{len(text):,} characters"] if len(text) > LONGEST_PAGE else []
        if trouble:
            found[name] = trouble
    assert len(files) > 5
    for place in sorted(files):
        trouble = _in_file(place, boss)
        if trouble:
            found[place] = trouble
    assert found == {}, found


def _in_file(place: str, boss: Client) -> list[str]:
    answer = boss.get(place)
    kind = answer["Content-Type"]
    if answer.status_code != 200 or "html" in kind:
        return [f"answers {answer.status_code} {kind}"]
    text = body(answer)
    if "csv" in kind:
        return formulas_of(text)
    for line in text.splitlines():
        json.loads(line)
    return []


def test_a_text_that_means_harm_is_still_read_whole(
    stage: Stage, harm: PromptVersion, boss: Client
) -> None:
    """Inert is not the same as cut away: the words stand there, escaped."""
    here = f"/p/{stage.room.project.slug}/prompts/{harm.task.slug}/versions/{harm.number}/"
    text = body(boss.get(here))
    assert "&lt;script&gt;" in text
    assert HOSTILE not in text
