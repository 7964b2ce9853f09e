"""Every page comes with the strict policy and names no other host; a real browser agrees."""

import os
import re
import shutil
from pathlib import Path

import pytest
from django.test import Client

CHROMIUM = shutil.which("chromium")
STRICT = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
PAGES = ["/docs", "/docs/problems", "/admin/login/", "/nothing", "/explode", "/forbid"]
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|<style|\son[a-z]+=|\sstyle=", re.IGNORECASE)
FOREIGN = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")


def policy_of(client: Client, path: str) -> dict[str, str]:
    header = client.get(path)["Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


@pytest.mark.django_db
@pytest.mark.urls("tests.kaizen_site.exploding_urls")
@pytest.mark.parametrize(
    "path", [*PAGES, "/openapi.json", "/health", "/api/v1/tasks", "/api/explode"]
)
def test_the_policy_is_on_every_answer(path: str) -> None:
    policy = policy_of(Client(raise_request_exception=False), path)
    assert {name: policy.get(name) for name in STRICT} == STRICT


@pytest.mark.django_db
@pytest.mark.urls("tests.kaizen_site.exploding_urls")
@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_script_or_style_in_it_or_names_another_host(path: str) -> None:
    page = Client(raise_request_exception=False).get(path).content.decode()
    assert not INLINE.search(page)
    assert not FOREIGN.search(page)


def test_a_form_without_its_token_is_refused_on_a_page_of_ours() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert answer.status_code == 403
    assert "Content-Security-Policy" in answer
    assert not INLINE.search(answer.content.decode())


@pytest.mark.e2e
@pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="no Chromium here: CI requires it"
)
@pytest.mark.django_db(transaction=True)
def test_the_docs_page_works_in_a_browser_without_a_breach(live_server, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{live_server.url}/docs")
        page.wait_for_selector("#operations-feedback-feedback_log")
        page.click("#operations-feedback-feedback_log button")
        page.wait_for_selector("#operations-feedback-feedback_log .responses-table")
        page.screenshot(path=str(tmp_path / "docs.png"))
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
