import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.prompts.schema import import_template


def rendered(imported, values):
    artifact = PromptArtifact(
        imported.system,
        imported.user_template,
        tuple(InputField(name) for name in imported.variables),
        (OutputField("answer"),),
        layout=imported.layout,
    )
    return render_messages(PromptArtifact.from_dict(artifact.to_dict()).to_dict(), values)


@pytest.mark.parametrize(
    "text",
    [
        "Sort {{text}} now",
        "  {{ text }}\n\n{{text}}\t ",
        'Answer as {"label": "..."}: {{text}}',
        "{{my-field}} and {single: 1}",
        "No variable, {just} braces? {{text}} {'a': [1]}",
        "Plain words, nothing to fill in.",
    ],
)
def test_a_double_brace_template_renders_to_itself(text):
    imported = import_template(text, ["text", "my-field"])
    values = dict.fromkeys(imported.variables, "VALUE {{text}} {x}")
    expected = text
    for spelling in ("{{text}}", "{{ text }}", "{{my-field}}"):
        expected = expected.replace(spelling, "\0")
    expected = expected.replace("\0", "VALUE {{text}} {x}")
    assert rendered(imported, values) == [{"role": "user", "content": expected}]


@pytest.mark.parametrize(
    "text",
    [
        "Sort {text}",
        "{text}{other}",
        '{{"label": "x"}} for {text}',
        "{{{text}}}",
        "a {{}} {text} }}",
    ],
)
def test_a_format_string_renders_to_what_python_makes_of_it(text):
    values = {"text": "T {other} {{text}}", "other": "O"}
    assert rendered(import_template(text), values)[0]["content"] == text.format(**values)


PIECES = st.sampled_from(["{text}", "{other}", "{{", "}}", " ", '"a": 1', "word", "\n", "é", "%"])


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECES, max_size=8))
def test_every_format_string_is_refused_or_rendered_exactly(pieces):
    text = "".join(pieces)
    values = {"text": "T", "other": "O"}
    if "{text}" not in pieces and "{other}" not in pieces:
        return
    try:
        imported = import_template(text, ["text", "other"])
    except InvalidArtifact:
        return
    plain = string.Formatter().parse(text)
    if {name for _, name, _, _ in plain if name is not None} == set(imported.variables):
        assert rendered(imported, values)[0]["content"] == text.format(**values)


def test_a_system_and_a_user_message_become_a_chat_prompt_and_render_to_themselves():
    messages = [
        {"role": "system", "content": "You sort for {{company}}.\n"},
        {"role": "user", "content": "{{text}}"},
    ]
    imported = import_template(messages)
    assert (imported.layout, imported.variables) == ("chat", ("company", "text"))
    assert rendered(imported, {"company": "{{company}}", "text": "{{text}}"}) == messages


@pytest.mark.parametrize(
    "text",
    [
        "{% if x %}a{% endif %} {{x}}",
        "{# note #} {{x}}",
        "{{ x | upper }}",
        "{{ x.y }}",
        "{{#each x}}{{/each}}",
        "{{ x if y else z }}",
        "{x.y}",
        "{x[0]}",
        "{x!r}",
        "{x:>10}",
        "{}",
        "{0}",
        "{x} {y.__class__}",
        "{{{{x}}}} {y}",
        "",
        "   ",
    ],
)
def test_template_logic_is_refused_with_a_message(text):
    with pytest.raises(InvalidArtifact, match="^template: "):
        import_template(text)


def test_the_names_of_the_inputs_decide_between_two_readings():
    both = "Return {{label}} for {text}"
    assert import_template(both, ["text"]).user_template == "Return {label} for {{text}}"
    assert import_template(both, ["label"]).user_template == both
    with pytest.raises(InvalidArtifact, match="both"):
        import_template(both)


def test_a_variable_that_is_not_an_input_is_refused():
    with pytest.raises(InvalidArtifact, match="{{other}}"):
        import_template("{{text}} {{other}}", ["text"])


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
        [{"role": "system", "content": ""}, {"role": "user", "content": "x"}],
        [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
    ],
)
def test_other_conversations_are_refused(messages):
    with pytest.raises(InvalidArtifact):
        import_template(messages)
