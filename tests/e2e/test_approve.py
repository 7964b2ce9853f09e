"""The way a person goes: sign in, see what waits, read the evidence, approve, see it live."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from projects_app.models import Role
from prompts_app.models import Tag
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage


def live_of(stage: Stage) -> int:
    """Ask the database from a thread of its own: Playwright's event loop runs in this one."""

    def ask() -> int:
        try:
            return Tag.objects.get(task=stage.draft.task, name="production").version_id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result()


def test_an_approver_approves_what_waits_and_sees_it_live(stage: Stage, screen: Screen) -> None:
    page = screen.page
    screen.sign_in(stage.room.people[Role.APPROVER])
    page.get_by_role("region", name="Needs you").get_by_text(str(stage.draft)).click()
    page.get_by_text("80.0%", exact=True).wait_for()
    page.get_by_label("Note (optional)").fill("Reads well.")
    page.get_by_role("button", name="Approve, replacing version 1").click()
    page.get_by_text("is live; clients get it within 15 seconds").wait_for()
    assert page.locator(".kz-chip", has_text="Live").count() == 1
    assert page.get_by_role("button", name="Approve").count() == 0
    assert live_of(stage) == stage.draft.pk
    assert screen.said == []
    assert screen.foreign == []


def test_a_rejection_asks_for_its_reason_and_shows_it(stage: Stage, screen: Screen) -> None:
    page = screen.page
    screen.sign_in(stage.room.people[Role.APPROVER])
    screen.open(stage.pages["weak"])
    assert page.get_by_role("button", name="Approve, replacing version 1").is_disabled()
    page.get_by_role("button", name="Reject").click()
    assert page.get_by_label("Reason", exact=True).evaluate("field => !field.validity.valid")
    page.get_by_label("Reason", exact=True).fill("It is no better.")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("Rejected: It is no better.").wait_for()
    assert screen.said == []
