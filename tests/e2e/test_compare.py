"""The way an approver without staff rights goes: from Home to promoted, by touch and by keys."""

import pytest

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage
from tests.e2e.test_approve import live_of
from tests.factories.projects import PASSWORD, MembershipFactory, UserFactory
from tests.factories.prompts import PromptVersionFactory

OWN = 90


@pytest.fixture
def compared(stage: Stage) -> Stage:
    """The stage, with an approver who may not enter the admin and wrote a version alone."""
    project = stage.room.project
    project.two_person_rule = True
    project.save()
    user = UserFactory(username="phone")
    MembershipFactory(project=project, user=user, role=Role.APPROVER.value)
    facts = {"task": stage.draft.task, "proven": stage.room.first, "parents": [stage.room.first]}
    PromptVersionFactory(**facts, number=OWN, author=user, author_label="user:phone")
    return stage


def sign_in(screen: Screen) -> None:
    screen.open("/login/")
    screen.page.get_by_label("Username").fill("phone")
    screen.page.get_by_label("Password").fill(PASSWORD)
    screen.page.get_by_label("Password").press("Enter")
    screen.page.wait_for_url("**/p/maple/")


def test_three_clicks_and_a_reason_on_a_phone(compared: Stage, wide_screen: Screen) -> None:
    page = wide_screen.page
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(wide_screen)
    needs = page.get_by_role("region", name="Needs you")
    needs.locator(f'a[href="{compared.compare}"]').click()
    page.get_by_role("link", name="Promote version 3").click()
    dialog = page.get_by_role("dialog", name="Promote this version?")
    dialog.get_by_text("Version 3 replaces version 1, which is live now.").wait_for()
    dialog.get_by_label("Reason").fill("Reads well.")
    dialog.get_by_role("button", name="Promote version 3").click()
    page.get_by_text("live: clients get it within 15 seconds").wait_for()
    assert live_of(compared) == compared.draft.pk
    assert wide_screen.said == []
    assert wide_screen.foreign == []


def test_the_page_gives_its_own_link(compared: Stage, wide_screen: Screen) -> None:
    page = wide_screen.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(wide_screen)
    wide_screen.open(f"{compared.compare}#results")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Copied", exact=True).wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{wide_screen.url}{compared.compare}"


def test_the_author_is_refused_in_words(compared: Stage, wide_screen: Screen) -> None:
    sign_in(wide_screen)
    page = wide_screen.page
    own = compared.compare.replace(f"/{compared.draft.number}/", f"/{OWN}/")
    wide_screen.open(own)
    page.get_by_text("this project wants somebody else than the author").wait_for()
    assert page.get_by_role("button", name=f"Promote version {OWN}").is_disabled()
    answer = page.goto(f"{wide_screen.url}{own}promote/")
    assert answer.status == 200
    assert page.get_by_role("button", name=f"Promote version {OWN}").count() == 0
    assert live_of(compared) == compared.room.first.pk


def test_the_whole_path_by_keyboard_alone(compared: Stage, wide_screen: Screen) -> None:
    page = wide_screen.page
    sign_in(wide_screen)
    go_to(wide_screen, f'a[href="{compared.compare}"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{compared.compare}")
    go_to(wide_screen, '[data-dialog="reject-dialog"]')
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("#reject-reason").evaluate("field => !field.validity.valid")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.dialog") == "reject-dialog"
    go_to(wide_screen, '[data-dialog="promote-dialog"]', key="Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("By keys alone.")
    page.keyboard.press("Enter")
    page.get_by_text("live: clients get it within 15 seconds").wait_for()
    assert live_of(compared) == compared.draft.pk
    go_to(wide_screen, 'button:has-text("Roll back to version 1")')
    page.keyboard.press("Enter")
    page.get_by_text("version 1 is live again").wait_for()
    assert live_of(compared) == compared.room.first.pk
    assert wide_screen.said == []


def go_to(screen: Screen, selector: str, key: str = "Tab") -> None:
    """Press the key until the element has the focus, which has to be visible by then."""
    wanted = screen.page.locator(selector).first
    wanted.wait_for()
    for _ in range(80):
        screen.page.keyboard.press(key)
        if wanted.evaluate("one => one === document.activeElement"):
            assert wanted.evaluate("one => one.matches(':focus-visible')")
            return
    raise AssertionError(f"no way by keys to {selector}")
