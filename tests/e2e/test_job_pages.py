"""A job in the browser: its page says how old it is, and a form is estimated as it changes."""

from playwright.sync_api import expect

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage

POLLS = "**/live/**"


def test_a_job_page_says_how_old_it_is_while_the_server_is_away(
    stage: Stage, wide_screen: Screen
) -> None:
    page = wide_screen.page
    wide_screen.sign_in(stage.room.people[Role.EDITOR])
    wide_screen.open(stage.pages["a job that searches"])
    late = page.locator("#job-late")
    expect(page.locator("#curve canvas")).to_be_visible()
    expect(late).to_be_hidden()
    page.route(POLLS, lambda route: route.abort())
    expect(late).to_contain_text("s ago", timeout=10_000)
    expect(late).to_be_visible()
    page.unroute(POLLS)
    expect(late).to_be_hidden(timeout=10_000)
    assert [one for one in wide_screen.said if "ERR_FAILED" not in one] == []


def test_what_a_job_takes_follows_the_form(stage: Stage, wide_screen: Screen) -> None:
    page = wide_screen.page
    wide_screen.sign_in(stage.room.people[Role.EDITOR])
    wide_screen.open(stage.pages["start a job"])
    estimate = page.locator("#estimate")
    page.get_by_role("radio", name="bootstrap").check()
    page.get_by_label("Budget in US dollars").fill("3.21")
    expect(estimate).to_contain_text("$3.21")
    page.get_by_label("Trials", exact=True).fill("99")
    expect(estimate).to_contain_text("This cannot be started")
    page.get_by_label("Trials", exact=True).fill("2")
    expect(estimate).to_contain_text("Cost, about")
    assert wide_screen.said == []
