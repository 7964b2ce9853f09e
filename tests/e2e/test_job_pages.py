"""A job in the browser: its page says how old it is, and a form is estimated as it changes."""

import pytest
from playwright.sync_api import expect

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.job_stage import ready_task
from tests.e2e.stage import Stage

POLLS = "**/live/**"
# A machine that does much else needs some.
PATIENCE_MS = 20_000


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
    expect(late).to_contain_text("s ago", timeout=PATIENCE_MS)
    expect(late).to_be_visible()
    page.unroute(POLLS)
    expect(late).to_be_hidden(timeout=PATIENCE_MS)
    heard = [one for one in wide_screen.said if "ERR_FAILED" not in one and "htmx:" not in one]
    assert heard == []


@pytest.fixture
def startable(stage: Stage) -> str:
    """Return where a job can be started; made before the browser takes the database over."""
    task = ready_task(stage.room.project)
    return f"/p/{task.project.slug}/jobs/new/?task={task.slug}"


def test_what_a_job_takes_follows_the_form(
    stage: Stage, startable: str, wide_screen: Screen
) -> None:
    page = wide_screen.page
    wide_screen.sign_in(stage.room.people[Role.EDITOR])
    wide_screen.open(startable)
    estimate = page.locator("#estimate")
    expect(estimate).to_contain_text("Cost, about", timeout=PATIENCE_MS)
    page.get_by_label("Budget in US dollars").fill("3.21")
    expect(estimate).to_contain_text("$3.21", timeout=PATIENCE_MS)
    page.get_by_label("Trials", exact=True).fill("99")
    expect(estimate).to_contain_text("This cannot be started", timeout=PATIENCE_MS)
    start = page.get_by_role("button", name="Start the job")
    expect(start).to_be_disabled(timeout=PATIENCE_MS)
    page.get_by_label("Trials", exact=True).fill("2")
    expect(estimate).to_contain_text("Cost, about", timeout=PATIENCE_MS)
    expect(start).to_be_enabled(timeout=PATIENCE_MS)
    start.click()
    expect(page.get_by_text("is queued.")).to_be_visible(timeout=PATIENCE_MS)
    # Leaving the page ends a request for the estimate that was under way.
    assert [one for one in wide_screen.said if "htmx:" not in one] == []
