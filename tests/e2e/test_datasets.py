"""A member chooses a file, says what its columns are, reads the report and saves it."""

from pathlib import Path

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage

ROWS = "question,label\nwhere is my parcel,shipping\n<b>refund</b>,billing\nshort\n"


def test_a_file_becomes_a_dataset_in_three_steps(
    stage: Stage, wide_screen: Screen, tmp_path: Path
) -> None:
    screen, page = wide_screen, wide_screen.page
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    screen.sign_in(stage.room.people[Role.EDITOR])
    screen.open(stage.pages["datasets"])
    page.get_by_label("Prompt", exact=True).first.select_option(stage.draft.task.slug)
    page.locator("#file").set_input_files(str(file))
    assert page.get_by_label("Name of the dataset").input_value() == "rows"
    page.get_by_role("button", name="Look at its columns").click()
    assert page.get_by_label("question", exact=True).input_value() == "inputs.text"
    page.get_by_role("button", name="Check all rows").click()
    assert "2 rows are good, 1 would be left out" in page.locator("#content").inner_text()
    page.get_by_role("button", name="Save 2 rows, leave out 1").click()
    page.get_by_role("heading", name="rows", exact=True).wait_for()
    shown = page.locator("#content").inner_text()
    assert "2 rows stored, 1 left out." in shown
    assert "<b>refund</b>" in shown
    assert screen.said == []
    assert screen.foreign == []
