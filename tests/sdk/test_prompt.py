import copy
import dataclasses
import pickle

import pytest

from kaizen_sdk import ConfigurationError, OutputParseError, Prompt, RenderError
from kaizen_sdk.prompt import fallback_prompt
from tests.sdk.scripted import ARTIFACT


@pytest.fixture
def prompt():
    return Prompt(
        task="triage", tag="production", version="v", number=3, hash="h", artifact=ARTIFACT
    )


def test_rendering_gives_messages_with_the_contract(prompt):
    messages = prompt.render(text="Where is it?")
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"].startswith("Sort the message.\n\nAnswer with exactly one of")
    assert messages[1]["content"] == "Where is it?"
    assert prompt.messages({"text": "Where is it?"}) == messages


def test_a_missing_input_is_named(prompt):
    with pytest.raises(RenderError, match="text"):
        prompt.render()


def test_inputs_may_have_any_name():
    prompt = fallback_prompt("t", "production", "{{self}} {{inputs}}")
    assert prompt.render(self="a", inputs="b") == [{"role": "user", "content": "a b"}]


def test_parsing_gives_a_dict_also_for_one_field(prompt):
    assert prompt.parse("refund") == {"label": "refund"}
    with pytest.raises(OutputParseError):
        prompt.parse("neither")


def test_model_and_parameters_are_at_hand(prompt):
    assert prompt.model == "demo/words"
    assert prompt.params == {"temperature": 0}


def test_a_prompt_cannot_be_changed(prompt):
    with pytest.raises(dataclasses.FrozenInstanceError):
        prompt.number = 4
    with pytest.raises(TypeError):
        prompt.artifact["system"] = "mine"


def test_a_prompt_travels_between_processes(prompt):
    assert pickle.loads(pickle.dumps(prompt)) == prompt
    assert copy.deepcopy(prompt) == prompt
    assert hash(prompt) == hash(copy.copy(prompt))


def test_the_text_of_the_prompt_is_not_in_its_repr(prompt):
    assert "Sort the message" not in repr(prompt)


def test_a_template_text_is_a_fallback():
    prompt = fallback_prompt("triage", "production", "Sort this: {{text}}")
    assert prompt.render(text="x") == [{"role": "user", "content": "Sort this: x"}]
    assert prompt.parse("anything") == {"output": "anything"}
    assert (prompt.version, prompt.number, prompt.hash) == ("", 0, "")


def test_two_messages_are_a_fallback():
    messages = [
        {"role": "system", "content": "You sort for {{shop}}."},
        {"role": "user", "content": "{{text}}"},
    ]
    prompt = fallback_prompt("triage", "production", messages)
    assert prompt.render(shop="Acme", text="x") == [
        {"role": "system", "content": "You sort for Acme."},
        {"role": "user", "content": "x"},
    ]


def test_an_artifact_is_a_fallback_and_may_leave_out_what_has_a_default():
    assert fallback_prompt("t", "production", ARTIFACT).artifact == ARTIFACT
    short = fallback_prompt("t", "production", {"user_template": "{{a}}", "model": "x/y"})
    assert short.render(a=1) == [{"role": "user", "content": "1"}]
    assert short.model == "x/y"


@pytest.mark.parametrize(
    "fallback",
    [
        {"system": "no template"},
        [],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
    ],
)
def test_anything_else_is_refused_with_a_reason(fallback):
    with pytest.raises(ConfigurationError):
        fallback_prompt("t", "production", fallback)
