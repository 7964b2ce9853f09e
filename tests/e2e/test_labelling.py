"""A person labels with the keyboard alone, and hears what the judge thinks only afterwards."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from optimization_app.models import HumanLabel
from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage


def labels() -> list[tuple[str, str, bool]]:
    """Ask the database from a thread of its own: Playwright's event loop runs in this one."""

    def ask() -> list[tuple[str, str, bool]]:
        try:
            standing = HumanLabel.objects.filter(withdrawn_at=None).order_by("item_id")
            return list(standing.values_list("word", "note", "is_blind"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result()


def test_answers_are_labelled_with_the_keyboard_alone(stage: Stage, screen: Screen) -> None:
    page, keys = screen.page, screen.page.keyboard
    screen.sign_in(stage.room.people[Role.EDITOR])
    screen.open(stage.labelling)
    said = page.get_by_role("status")
    assert "It names the right desk." not in page.content()
    keys.press("g")
    keys.press("Enter")
    said.get_by_text("You said: good. The judge says: good.").wait_for()
    said.get_by_text("It names the right desk.").wait_for()
    page.locator("#question:focus").wait_for()
    keys.press("b")
    keys.press("Tab")
    keys.type("Names the wrong desk.")
    keys.press("Enter")
    said.get_by_text("You said: bad").wait_for()
    page.get_by_text("Nothing waits for a label").wait_for()
    assert labels() == [("good", "", True), ("bad", "Names the wrong desk.", True)]
    keys.press("u")
    page.get_by_text("Is this a good answer?").wait_for()
    keys.press("s")
    page.get_by_text("Nothing waits for a label").wait_for()
    assert labels() == [("good", "", True), ("skip", "", False)]
    assert screen.said == []
    assert screen.foreign == []


def test_keys_can_be_turned_off_and_stay_off(stage: Stage, screen: Screen) -> None:
    page = screen.page
    screen.sign_in(stage.room.people[Role.EDITOR])
    screen.open(stage.labelling)
    page.get_by_label("Keys label at a stroke").uncheck()
    screen.open(stage.labelling)
    page.keyboard.press("g")
    assert not page.get_by_role("radio", name="Good").is_checked()
    assert screen.said == []
