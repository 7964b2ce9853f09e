"""A real browser before the live site, and ears for everything it complains about."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from projects_app.models import User
from tests.e2e.stage import Stage, build_stage
from tests.factories.projects import PASSWORD

SIZES = (1440, 390)
THEMES = ("light", "dark")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SYSTEM = ("chromium", "chromium-browser", "google-chrome")
REFUSED = """addEventListener("securitypolicyviolation",
  event => console.error(`CSP report: ${event.violatedDirective} ${event.blockedURI}`))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.e2e)


@dataclass
class Screen:
    """One page of the browser; `said` and `asked` are what it printed and whom it called."""

    page: Any
    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> None:
        answer = self.page.goto(self.url + path)
        assert answer.status == 200, f"{path}: {answer.status}"

    def sign_in(self, user: User) -> None:
        self.open("/admin/login/")
        self.page.get_by_label("Username").fill(user.username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/admin/")

    def picture(self, name: str) -> None:
        """Keep a picture where somebody asked for one, to look at."""
        folder = os.environ.get("KAIZEN_PICTURES")
        if folder:
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    @property
    def foreign(self) -> list[str]:
        return [url for url in self.asked if not url.startswith((self.url, "data:"))]

    @property
    def scrolls_sideways(self) -> bool:
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the system's Chromium, else the one that Playwright brings."""
    found = next(filter(None, map(shutil.which, SYSTEM)), None) or _own_chromium()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has to have Chromium for the browser tests")
        pytest.skip("no Chromium here: install it, or run `.venv/bin/playwright install chromium`")
    return found


def _own_chromium() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


@pytest.fixture
def site(live_database: str) -> Iterator[str]:
    """Serve a database of its own: the append-only tables of a shared one could not be emptied."""
    server = LiveServer("localhost:0")
    yield server.url
    server.stop()


@pytest.fixture
def stage(live_database: str) -> Stage:
    return build_stage()


@contextmanager
def browse(chromium: str, url: str, theme: str, size: int) -> Iterator[Screen]:
    """Open a browser; until it is closed the ORM belongs to another thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[*FLAGS])
        view = {"width": size, "height": 900}
        context = browser.new_context(viewport=view, color_scheme=theme)
        context.add_init_script(REFUSED)
        shown = Screen(context.new_page(), url)
        shown.listen()
        yield shown
        browser.close()


@pytest.fixture(params=[(theme, size) for theme in THEMES for size in SIZES], ids=str)
def screen(
    request: pytest.FixtureRequest, chromium: str, site: str, stage: Stage
) -> Iterator[Screen]:
    """A page of the given theme and width."""
    with browse(chromium, site, *request.param) as shown:
        yield shown


@pytest.fixture
def wide_screen(chromium: str, site: str, stage: Stage) -> Iterator[Screen]:
    """A wide light page, for a test that changes both itself."""
    with browse(chromium, site, "light", SIZES[0]) as shown:
        yield shown
