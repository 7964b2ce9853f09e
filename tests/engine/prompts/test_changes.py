"""A change is counted and said in a line."""

from dataclasses import replace

from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.changes import change_lines, change_reason

BEFORE = PromptArtifact(
    system="Name the label.",
    user_template="{{text}}",
    inputs=(InputField("text"),),
    outputs=(OutputField("label"),),
)
DEMO = Demo({"text": "where is it"}, {"label": "arrival"})


def test_the_same_prompt_is_no_change() -> None:
    assert change_reason(BEFORE, BEFORE) == "no change"


def test_words_demonstrations_and_reasoning_are_each_counted() -> None:
    after = replace(BEFORE, system="Name the one label.", demos=(DEMO,), reasoning=True)
    assert change_reason(BEFORE, after) == (
        "instruction: 1 word added, 0 removed; 1 demonstration added; reasoning on"
    )
    assert "1 demonstration removed" in change_reason(after, BEFORE)


def test_demonstrations_may_only_change_places() -> None:
    other = Demo({"text": "why a fee"}, {"label": "fee"})
    one, two = replace(BEFORE, demos=(DEMO, other)), replace(BEFORE, demos=(other, DEMO))
    assert change_reason(one, two) == "demonstrations in another order"


def test_the_lines_quote_what_came_and_what_went() -> None:
    after = replace(BEFORE, system="Name the intent.", demos=(DEMO,))
    lines = change_lines(BEFORE, after)
    assert "- label" in lines
    assert "+ intent" in lines
    assert any(line.startswith("+ demonstration") for line in lines)
