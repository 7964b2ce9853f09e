"""Every page that a member works with: no violation, no complaint, no side scroll, no stranger."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from projects_app.models import Role
from tests.e2e.conftest import SIZES, THEMES, Screen
from tests.e2e.stage import Stage

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A colour on its way to another theme is no colour of the page.
RUN = """rules => {
  document.getAnimations().forEach(one => one.finish());
  return axe.run({runOnly: rules, resultTypes: ["violations"]});
}"""
CUT_OFF = """[...document.querySelectorAll(".kz-scroll:has(.kz-stack)")]
  .some(one => one.scrollWidth > one.clientWidth)"""
NARROWEST = 320
KILOBYTES, REQUESTS = 250, 20
# The sweep is cut into parts that run beside each other.
PARTS = 6


def violations(screen: Screen) -> list[str]:
    """Return what axe-core finds; evaluated by the driver, so that the page's policy stays."""
    heard = list(screen.said)
    screen.page.evaluate(f"if (!window.axe) {{ {AXE} }}")
    found: dict[str, Any] = screen.page.evaluate(RUN, RULES)
    # The checker itself tries styles that the policy refuses; only the page's own count.
    screen.said[:] = heard
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@dataclass
class Sweep:
    """One browser that is led over the pages; files that pages share are weighed once."""

    screen: Screen
    weights: dict[str, int] = field(default_factory=dict)

    def faults(self, name: str, path: str) -> list[str]:
        """Return what is wrong with a page in either theme and width, at 320 px and in the pipe."""
        found = []
        for size in SIZES:
            self.screen.page.set_viewport_size({"width": size, "height": 900})
            found += self._loaded(path, size)
            self._unfold()
            for theme in THEMES:
                self._switch(theme, by_hand=size != SIZES[0])
                found += [f"{theme} {size}: {one}" for one in violations(self.screen)]
                self.screen.picture(f"{name}-{size}-{theme}")
        self.screen.page.set_viewport_size({"width": NARROWEST, "height": 900})
        if self.screen.scrolls_sideways:
            found.append(f"it scrolls sideways at {NARROWEST} px")
        if self.screen.page.evaluate(CUT_OFF):
            found.append(f"a card of a table is cut off at {NARROWEST} px")
        return found

    def _loaded(self, path: str, size: int) -> list[str]:
        """Open the page, and say what is wrong with what it asks for and prints."""
        screen, page = self.screen, self.screen.page
        # What the page before still asks for is not this one's.
        page.goto("about:blank")
        screen.said.clear()
        screen.asked.clear()
        page.emulate_media(color_scheme=THEMES[0])
        screen.open(path)
        page.wait_for_load_state("load")
        found = [f"{size}: {one}" for one in (*screen.said, *screen.foreign)]
        asked = [url for url in screen.asked if not url.startswith("data:")]
        weight = self._weight(page.content(), asked[1:]) / 1000
        if weight > KILOBYTES or len(asked) > REQUESTS:
            found.append(f"{weight:.0f} kB gzipped in {len(asked)} requests")
        if page.locator("h1").count() != 1:
            found.append(f"it has {page.locator('h1').count()} main headings")
        if screen.scrolls_sideways:
            found.append(f"it scrolls sideways at {size} px")
        return found

    def _switch(self, theme: str, *, by_hand: bool) -> None:
        """Choose a theme as the system does, or against the system as the button does."""
        other = next(one for one in THEMES if one != theme)
        self.screen.page.emulate_media(color_scheme=other if by_hand else theme)
        if by_hand:
            root = "document.documentElement"
            self.screen.page.evaluate(f"{root}.dataset.theme = '{theme}'")

    def _weight(self, document: str, asked: list[str]) -> int:
        for url in asked:
            if url not in self.weights:
                answer = self.screen.page.request.get(url)
                self.weights[url] = len(gzip.compress(answer.body()))
        return len(gzip.compress(document.encode())) + sum(self.weights[url] for url in asked)

    def _unfold(self) -> None:
        """Show what is folded away, which is judged as well."""
        opening = "all => all.forEach(one => { one.open = true })"
        self.screen.page.locator("#content details").evaluate_all(opening)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_breaks_a_rule_or_its_policy(stage: Stage, wide_screen: Screen, part: int) -> None:
    sweep = Sweep(wide_screen)
    found = {"login": sweep.faults("login", reverse("login"))} if part == 0 else {}
    wide_screen.sign_in(stage.room.people[Role.ADMIN])
    chosen = list(stage.pages.items())[part::PARTS]
    found |= {name: sweep.faults(name, path) for name, path in chosen}
    assert {name: what for name, what in found.items() if what} == {}
