import json
from pathlib import Path

import pytest

from kaizen_engine.prompts import parse, render
from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.parse import parse_output
from kaizen_engine.prompts.render import RenderError, contract_text, render_answer, render_messages

LABEL = OutputField("label", enum=("billing", "technical"))
ROOT = Path(__file__).parents[3]


def artifact(**changes):
    given = {
        "system": "Sort the message.",
        "user_template": "Message: {{text}}",
        "inputs": (InputField("text"),),
        "outputs": (LABEL,),
        **changes,
    }
    return PromptArtifact(**given).to_dict()


def test_a_chat_prompt_is_system_with_contract_demos_as_turns_and_the_user_message():
    demo = Demo({"text": "I was charged twice"}, {"label": "billing"})
    assert render_messages(artifact(demos=(demo,)), {"text": "It crashes"}) == [
        {
            "role": "system",
            "content": "Sort the message.\n\n"
            "Answer with exactly one of: billing, technical\nWrite nothing else.",
        },
        {"role": "user", "content": "Message: I was charged twice"},
        {"role": "assistant", "content": "billing"},
        {"role": "user", "content": "Message: It crashes"},
    ]


def test_a_user_only_prompt_is_one_message_with_everything_in_it():
    demo = Demo({"text": "I was charged twice"}, {"label": "billing"})
    shown = artifact(layout="user_only", demos=(demo,), system="Be brief.")
    (message,) = render_messages(shown, {"text": "It crashes"})
    assert message == {
        "role": "user",
        "content": "Be brief.\n\n<example>\n<input>I was charged twice</input>\n"
        "<output>billing</output>\n</example>\n\nMessage: It crashes\n\n"
        "Answer with exactly one of: billing, technical\nWrite nothing else.",
    }


def test_nothing_is_added_to_a_prompt_whose_answer_is_one_free_text():
    free = artifact(outputs=(OutputField("answer"),))
    assert render_messages(free, {"text": "hi"})[0]["content"] == "Sort the message."
    assert len(render_messages({**free, "system": ""}, {"text": "hi"})) == 1


def test_braces_in_the_data_are_not_expanded_again():
    messages = render_messages(artifact(), {"text": "{{text}} {{other}} {x} \\1"})
    assert messages[-1]["content"] == "Message: {{text}} {{other}} {x} \\1"


@pytest.mark.parametrize("inputs", [{}, {"text": None}, {"Text": "x"}])
def test_a_missing_input_is_refused_by_name(inputs):
    with pytest.raises(RenderError, match="'text' is missing"):
        render_messages(artifact(), inputs)


@pytest.mark.parametrize("name", ["unknown", "my-field", "x | upper", "text.__class__", ""])
def test_an_unknown_variable_is_refused_and_its_braces_never_sent(name):
    template = artifact(user_template="{{text}} {{" + name + "}}")
    with pytest.raises(RenderError, match="not an input"):
        render_messages(template, {"text": "x", "unknown": "y"})


def test_display_names_with_hyphens_and_blanks_are_variables_like_others():
    shown = artifact(inputs=(InputField("my-field"),), user_template="{{ my-field }}.")
    assert render_messages(shown, {"my-field": "x"})[-1]["content"] == "x."


@pytest.mark.parametrize(
    "demo",
    [
        Demo({}, {"label": "billing"}),
        Demo({"text": "x"}, {}),
        Demo({"text": None}, {"label": "billing"}),
        Demo({"text": "x"}, {"label": None}),
    ],
)
def test_incomplete_demonstrations_are_left_out(demo):
    assert len(render_messages(artifact(demos=(demo,)), {"text": "x"})) == 2


def test_several_outputs_and_reasoning_are_one_json_object_in_contract_and_demonstrations():
    outputs = (
        LABEL,
        OutputField("urgent", type="boolean", description="needs an answer\ntoday"),
        OutputField("stars", type="integer", enum=("1", "2")),
        OutputField("parts", type="array", schema={"items": {"type": "string"}, "type": "array"}),
    )
    answer = {"label": "billing", "urgent": True, "stars": 1, "parts": ["ä"]}
    demo = Demo({"text": "x"}, {"reasoning": "money", **answer})
    shown = artifact(outputs=outputs, reasoning=True, demos=(demo,))
    assert contract_text(shown).splitlines() == [
        "Answer with one JSON object and nothing else. Its fields:",
        '"reasoning": string - your reasoning, before the other fields',
        '"label": one of "billing", "technical"',
        '"urgent": true or false - needs an answer today',
        '"stars": one of 1, 2',
        '"parts": array matching {"items":{"type":"string"},"type":"array"}',
    ]
    text = render_messages(shown, {"text": "y"})[2]["content"]
    assert list(json.loads(text)) == ["reasoning", "label", "urgent", "stars", "parts"]
    assert parse_output(shown, text) == answer


def test_a_demonstration_without_reasoning_is_left_out_while_reasoning_is_on():
    demo = Demo({"text": "x"}, {"label": "billing"})
    assert len(render_messages(artifact(reasoning=True, demos=(demo,)), {"text": "y"})) == 2


@pytest.mark.parametrize(
    ("output", "contract"),
    [
        (OutputField("n", type="integer"), "Answer with one integer and nothing else."),
        (OutputField("n", type="number"), "Answer with one number and nothing else."),
        (
            OutputField("n", type="boolean"),
            "Answer with exactly one of: true, false\nWrite nothing else.",
        ),
        (
            OutputField("n", enum=("a", "b, c", 'say "d"')),
            'Answer with exactly one of: a, "b, c", "say \\"d\\""\nWrite nothing else.',
        ),
        (OutputField("n"), ""),
    ],
)
def test_each_single_output_has_its_contract(output, contract):
    assert contract_text(artifact(outputs=(output,))) == contract


@pytest.mark.parametrize(
    ("output", "value"),
    [
        (OutputField("n", type="integer"), 7),
        (OutputField("n", type="number"), -0.25),
        (OutputField("n", type="boolean"), False),
        (OutputField("n", type="object"), {"a": [1, {"b": None}]}),
        (OutputField("n", enum=("a", "b, c", 'say "d"', "N.A.")), 'say "d"'),
        (OutputField("n", enum=("1", "2"), type="integer"), 2),
        (OutputField("n"), "free text\nof two lines"),
    ],
)
def test_what_the_renderer_writes_the_parser_reads_back(output, value):
    shown = artifact(outputs=(output,))
    assert parse_output(shown, render_answer(shown, {"n": value})) == {"n": value}


def test_images_and_audio_become_content_parts_where_they_stand():
    shown = artifact(
        inputs=(InputField("photo", type="image_url"), InputField("note")),
        user_template="Look: {{photo}} Note: {{note}}",
    )
    messages = render_messages(shown, {"photo": "https://example.org/a.png", "note": "n"})
    assert messages[-1]["content"] == [
        {"type": "text", "text": "Look: "},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "text", "text": " Note: n"},
    ]
    with pytest.raises(RenderError, match="address"):
        render_messages(shown, {"photo": {"no": "address"}, "note": "n"})


def test_the_same_json_input_gives_the_same_text_whatever_order_its_keys_have():
    shown = artifact(inputs=(InputField("text", type="json"),))
    one = render_messages(shown, {"text": {"b": 1, "a": "é"}})
    assert one == render_messages(shown, {"text": {"a": "é", "b": 1}})
    assert one[-1]["content"] == 'Message: {"a": "é", "b": 1}'


@pytest.mark.parametrize("layout", ["chat", "user_only"])
def test_artifacts_of_one_hash_render_alike_whatever_order_a_store_gave_their_keys(layout):
    def rendered(nested):
        prompt = PromptArtifact(
            system="Find the parts.",
            user_template="{{text}} {{table}}",
            inputs=(InputField("text"), InputField("table", type="json")),
            outputs=(OutputField("parts", type="object"), OutputField("note")),
            demos=(Demo({"text": "t", "table": nested}, {"parts": nested, "note": "n"}),),
            layout=layout,
        )
        return prompt.hash, render_messages(prompt.to_dict(), {"text": "t", "table": 1})

    one = rendered({"b": 1, "aa": {"d": 2, "c": 3}})
    other = rendered({"aa": {"c": 3, "d": 2}, "b": 1})
    assert one == other
    contents = "".join(message["content"] for message in one[1])
    assert '{"parts": {"aa": {"c": 3, "d": 2}, "b": 1}, "note": "n"}' in contents


def test_a_value_that_is_not_json_is_refused():
    with pytest.raises(RenderError, match="JSON"):
        render_messages(artifact(), {"text": float("nan")})


@pytest.mark.parametrize(("module", "copy"), [(render, "_render.py"), (parse, "_parse.py")])
def test_the_sdk_ships_byte_copies(module, copy):
    sdk = ROOT / "sdk" / "src" / "kaizen_sdk" / copy
    assert sdk.read_bytes() == Path(module.__file__).read_bytes()
