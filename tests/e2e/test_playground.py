"""The playground by keyboard: the cost follows what is typed, and Ctrl+Enter runs it."""

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage


def test_the_cost_follows_what_is_typed_and_ctrl_enter_runs(
    stage: Stage, wide_screen: Screen
) -> None:
    screen, page = wide_screen, wide_screen.page
    screen.sign_in(stage.room.people[Role.EDITOR])
    screen.open(f"/p/{stage.room.project.slug}/play/")
    page.get_by_label("Score the answers").uncheck()
    page.locator("#estimate", has_text="for 2 calls").wait_for()
    page.get_by_label("Instruction B").fill("Answer with one word.")
    page.get_by_label("text", exact=True).fill("Where is my parcel?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/play/runs/**")
    page.locator("#results", has_text="Waiting for a worker.").wait_for()
    assert page.get_by_label("Instruction B").input_value() == "Answer with one word."
    assert screen.said == []
