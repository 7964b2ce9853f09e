"""Every page that a member works with: no violation, no complaint, no side scroll, no stranger."""

from pathlib import Path
from typing import Any

from projects_app.models import Role
from tests.e2e.conftest import Screen
from tests.e2e.stage import Stage

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = "rules => axe.run({runOnly: rules})"


def violations(screen: Screen) -> list[str]:
    """Return what axe-core finds; evaluated by the driver, so that the page's policy stays."""
    heard = list(screen.said)
    screen.page.evaluate(AXE)
    found: dict[str, Any] = screen.page.evaluate(RUN, RULES)
    # The checker itself tries styles that the policy refuses; only the page's own count.
    screen.said[:] = heard
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def test_no_page_breaks_a_rule_or_its_policy(stage: Stage, screen: Screen) -> None:
    screen.open("/admin/login/")
    found = {"login": violations(screen)}
    screen.sign_in(stage.room.people[Role.ADMIN])
    for name, path in stage.pages.items():
        screen.open(path)
        for summary in screen.page.locator("#content summary").all():
            summary.click()
        found[name] = violations(screen)
        if screen.scrolls_sideways:
            found[name].append("it scrolls sideways")
    assert {name: what for name, what in found.items() if what} == {}
    assert screen.said == []
    assert screen.foreign == []
