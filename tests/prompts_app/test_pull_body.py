import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_engine.states import Verdict
from prompts_app.pull_body import BREAK, LARGEST_BYTES, fence, pull_body, pull_title, span, tame
from tests.factories.feedback import ExampleFactory
from tests.factories.prompts import PromptVersionFactory

PATH = "prompts/triage.prompt.yml"
HOLDOUT = {
    "before": {"mean": 0.5, "n": 60},
    "after": {"mean": 0.7, "n": 60},
    "gain": 0.2,
    "low": 0.1,
    "high": 0.3,
    "level": 0.94,
    "n": 60,
    "fixed": 13,
    "broken": 1,
    "p": 0.001,
    "alpha": 0.03,
    "look": 1,
}
HOSTILE = (
    "```\n@everyone closes #1, fixes GH-12 and o/r#3 !7\n/close\n````\n"
    "![x](https://evil.example/x.png) <script>\u202e\u200b\ufeff\x00end"
)
LIVELY = re.compile(r"[@#!]\w|://|(?i:gh)-\d|(?m:^/\w)")


def proven(task, live, **evidence):
    version = PromptVersionFactory(task=task, proven=live, parents=[live])
    found = {"holdout": HOLDOUT, "cost_usd": "0.42", "calls": 1234, "student": "demo/demo"}
    version.evidence |= found | evidence
    return version


@pytest.mark.django_db
def test_the_body_shows_what_a_reviewer_asks(task, live) -> None:
    seen = ExampleFactory(task=task, split="dev", inputs={"text": "my box"}, outputs={"label": "K"})
    lost = ExampleFactory(task=task, split="dev", inputs={"text": "a bill"}, outputs={"label": "M"})
    version = proven(task, live, fixed=[str(seen.public_id)], broken=[str(lost.public_id)])
    body = pull_body(version, PATH)
    for words in (
        "Confirmed: better on held-out rows",
        "`50.0% to 70.0%`",
        "`+20.0 points`",
        "+10.0 to +30.0`",
        "`1,234, $0.42`",
        f"`{version.hash}`",
        f"`{PATH}`",
        "/p/support/prompts/triage/compare/1/2/",
        "### Fixed on dev: 1, here 1\n\n```text\nmy box\n```\nexpected\n```text\nK\n```",
        "### Broken on dev: 1, here 1\n\n```text\na bill\n```",
    ):
        assert words in body
    assert "A draft" not in body
    assert pull_title(version) == "Propose version 2 of triage: confirmed, +20.0 points"


@pytest.mark.django_db
def test_a_weaker_verdict_is_marked(task, live) -> None:
    version = proven(task, live)
    version.verdict = Verdict.BETTER_ON_REPORTED
    assert "Better on reported cases only: effect on all traffic unknown" in pull_body(
        version, PATH
    )
    assert "A draft" in pull_body(version, PATH)


@pytest.mark.django_db
def test_rows_that_decide_are_never_shown(task, live) -> None:
    secret = ExampleFactory(task=task, split="test", inputs={"text": "a secret row"})
    body = pull_body(proven(task, live, fixed=[str(secret.public_id)]), PATH)
    assert "a secret row" not in body


@pytest.mark.django_db
def test_hostile_texts_stay_inside_and_dead(task, live) -> None:
    row = ExampleFactory(task=task, split="dev", inputs={"text": HOSTILE}, outputs={"label": "K"})
    version = proven(task, live, fixed=[str(row.public_id)], student="`|@x|` #1\n# y")
    version.change_reason = HOSTILE
    body = pull_body(version, PATH)
    assert not LIVELY.search(body.replace("http://127.0.0.1", ""))
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", body)
    assert "everyone" not in outside
    assert "script" not in outside
    assert len([line for line in body.splitlines() if line.startswith("| ")]) >= 5
    assert not {"\u202e", "\ufeff", "\x00"} & set(body)


@pytest.mark.django_db
def test_many_long_examples_stay_under_the_cap(task, live) -> None:
    rows = ExampleFactory.create_batch(6, task=task, split="dev", inputs={"text": "语`" * 50_000})
    version = proven(task, live, fixed=[str(row.public_id) for row in rows])
    version.change_reason = "x" * 100_000
    assert len(pull_body(version, PATH).encode()) < LARGEST_BYTES


@given(st.text(st.sampled_from("`~a\n |@#")))
def test_no_text_ends_its_fence_or_its_span(text) -> None:
    marks, *inside, last = fence(text).splitlines()
    assert marks == last + "text"
    assert all(last not in line for line in inside)
    shown = span(text)
    opening = re.match("`+", shown)[0]
    assert shown.endswith(opening)
    assert opening not in shown[len(opening) : -len(opening)]
    assert "\n" not in shown


def test_what_would_act_is_broken_by_one_invisible_character() -> None:
    assert tame("@a #1 GH-2 http://x !3\n/merge", 99) == (
        f"@{BREAK}a #{BREAK}1 GH{BREAK}-2 http:{BREAK}//x !{BREAK}3\n/{BREAK}merge"
    )
    assert tame("an address like a/b and 3 - 2 stay", 99) == "an address like a/b and 3 - 2 stay"
