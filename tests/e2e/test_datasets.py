"""A member chooses a file, sees what its rows become, uploads it and reads the report."""

import os
from pathlib import Path

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage
from tests.e2e.test_accessibility import violations

ROWS = "question,label\nwhere is my parcel,shipping\n<b>refund</b>,billing\nshort\n"


def test_a_file_is_previewed_uploaded_and_reported(
    stage: Stage, screen: Screen, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    screen.sign_in(stage.room.people[Role.EDITOR])
    screen.open(stage.pages["datasets"])
    screen.page.get_by_label("Prompt", exact=True).select_option(stage.draft.task.slug)
    screen.page.get_by_label("Name of the dataset").fill("first rows")
    screen.page.locator("#file").set_input_files(str(file))
    cells = screen.page.locator("#preview td")
    cells.first.wait_for()
    assert cells.all_text_contents()[:4] == [
        "where is my parcel",
        "shipping",
        "<b>refund</b>",
        "billing",
    ]
    assert screen.page.get_by_label("Columns of the inputs").input_value() == "question=text"
    assert violations(screen) == []
    assert not screen.scrolls_sideways
    _picture(screen, "form")
    screen.page.get_by_role("button", name="Upload").click()
    screen.page.get_by_role("heading", name="first rows").wait_for()
    assert "2 rows stored, 1 refused" in screen.page.locator("#content").inner_text()
    assert violations(screen) == []
    assert not screen.scrolls_sideways
    _picture(screen, "dataset")
    assert "not yet" not in screen.page.locator("#content").inner_text()
    assert screen.said == []
    assert screen.foreign == []


def _picture(screen: Screen, name: str) -> None:
    """Keep a picture where somebody asked for one, to look at."""
    folder = os.environ.get("KAIZEN_PICTURES")
    if folder:
        size = screen.page.viewport_size["width"]
        scheme = screen.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        screen.page.screenshot(path=f"{folder}/{name}-{size}-{scheme}.png", full_page=True)
