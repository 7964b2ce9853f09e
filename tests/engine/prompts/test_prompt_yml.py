import json
import random

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.plain_yaml import LARGEST_BYTES, read_yaml, write_yaml
from kaizen_engine.prompts.prompt_yml import PromptFile, read_prompt_file, write_prompt_file

ROUTING = PromptArtifact(
    system="Route the message.\nOne desk only.",
    user_template="{{message}}",
    inputs=(InputField("message"),),
    outputs=(OutputField("desk", enum=("otter", "heron"), description="who answers"),),
    demos=(Demo({"message": "Where is my box?"}, {"desk": "heron"}),),
    model="openai/gpt-4o-mini",
    params={"temperature": 0.2, "max_tokens": 200},
)
WRITTEN = """\
name: route-message
model: openai/gpt-4o-mini
modelParameters:
  maxTokens: 200
  temperature: 0.2
messages:
  - role: system
    content: |-
      Route the message.
      One desk only.
  - role: user
    content: "{{message}}"
kaizen:
  schema: kaizen.prompt/1
  layout: chat
  reasoning: false
  inputs:
    - name: message
      type: text
  outputs:
    - name: desk
      type: string
      enum:
        - otter
        - heron
      description: who answers
  demos:
    - inputs:
        message: "Where is my box?"
      outputs:
        desk: heron
"""
SPECIALS = (
    *(
        "",
        " ",
        "\n",
        "\n\n",
        " x",
        "x ",
        "x\n",
        "x\n\n",
        "\nx",
        "\n x",
        " \n x\n",
        "a\n \nb",
        "\tx",
    ),
    *("- a", "a: b", "a #b", "# a", "&a", "*a", "!a", "!!python/object:os.system x", "{a}", "[a]"),
    *("|", ">", "%YAML", "---", "...", "a\n---\nb\n...\n", "'", '"', "\\", "@a", "`a`", "<<", "="),
    *("y", "no", "On", "null", "~", "True", "1", "0x1F", "0o17", "1e5", "1_0", "1:30", ".inf"),
    *("2001-01-01", "a\r\nb", "a\rb", "a\tb", "a\x85b", "a\u2028b", "\ufeffa", "\U0001f600\nb"),
    *("a\u202eb\nc", "a\x07\nb", "x" * 3000 + "\ny", "日本語\n次", "\uffff\nx", "a\n\n\n  b\n\n\n"),
)
TEXT = st.one_of(
    st.sampled_from(SPECIALS),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")),
    st.lists(
        st.sampled_from(["a", " ", "\n", "\t", "#", ":", "-", "|", "é", '"']), max_size=20
    ).map("".join),
)
NUMBER = st.integers(-(2**80), 2**80) | st.floats(-1e15, 1e15, allow_nan=False).map(
    lambda value: int(value) if value.is_integer() else value
)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = st.dictionaries(TEXT, VALUE, max_size=3)
ARTIFACTS = st.builds(
    PromptArtifact,
    system=TEXT,
    user_template=TEXT.map(lambda text: text + "x {{message}}"),
    inputs=st.just((InputField("message", description="what\nthey wrote"),)),
    outputs=st.one_of(
        st.just((OutputField("label", enum=("no", "1", "a: b")),)),
        st.builds(lambda schema: (OutputField("o", "object", schema=schema),), VALUES),
    ),
    demos=st.lists(st.builds(Demo, VALUES, VALUES), max_size=2).map(tuple),
    layout=st.sampled_from(["chat", "user_only"]),
    reasoning=st.booleans(),
    model=TEXT,
    params=st.one_of(
        VALUES, st.fixed_dictionaries({"max_tokens": NUMBER, "maxTokens": NUMBER, "top_p": NUMBER})
    ),
)


def shuffled(value):
    """Return the value with every mapping's keys in another order."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key), key), reverse=True)
        return {key: shuffled(value[key]) for key in keys}
    return [shuffled(part) for part in value] if isinstance(value, list) else value


def test_the_file_reads_as_the_documentation_shows_it() -> None:
    data = write_prompt_file(PromptFile(ROUTING, name="route-message"))
    assert data.decode() == WRITTEN
    assert read_prompt_file(data) == PromptFile(ROUTING, name="route-message")


@settings(max_examples=120, deadline=None)
@given(artifact=ARTIFACTS, name=TEXT, description=TEXT, extra=VALUES)
@example(artifact=ROUTING, name="", description="", extra={"x" * 2000: [[], {}, [[1]], [{"a": 1}]]})
def test_whatever_an_artifact_holds_comes_back_with_its_hash(
    artifact, name, description, extra
) -> None:
    data = write_prompt_file(PromptFile(artifact, name, description, extra))
    back = read_prompt_file(data)
    assert back.artifact.hash == artifact.hash
    assert (back.name, back.description, back.extra) == (name, description, extra)
    assert write_prompt_file(back) == data


@settings(max_examples=40, deadline=None)
@given(artifact=ARTIFACTS)
def test_the_order_in_which_a_database_keeps_keys_does_not_change_the_bytes(artifact) -> None:
    turned = PromptArtifact.from_dict(shuffled(artifact.to_dict()))
    assert write_prompt_file(PromptFile(turned)) == write_prompt_file(PromptFile(artifact))


@settings(max_examples=200, deadline=None)
@given(values=st.dictionaries(TEXT, TEXT | NUMBER | st.booleans(), max_size=4))
def test_other_readers_of_yaml_see_the_same_values(values) -> None:
    data = write_yaml({"values": values} if values else {"values": {}})
    assert yaml.safe_load(data) == {"values": values}


def test_a_plain_file_of_githubs_is_a_prompt_with_one_output() -> None:
    data = b"""
name: Summarizer
model: openai/gpt-4o
modelParameters: {temperature: 0.5, maxTokens: 100}
messages:
  - {role: system, content: You summarize.}
  - role: user
    content: |
      Summarize: {{input}}
testData:
  - input: "yes"
"""
    file = read_prompt_file(data)
    assert file.artifact.params == {"temperature": 0.5, "max_tokens": 100}
    assert file.artifact.inputs == (InputField("input"),)
    assert file.artifact.outputs == (OutputField("output"),)
    assert file.extra == {"testData": [{"input": "yes"}]}
    assert read_prompt_file(write_prompt_file(file)) == file


def test_windows_line_ends_and_a_mark_of_the_byte_order_change_nothing() -> None:
    turned = b"\xef\xbb\xbf" + WRITTEN.replace("\n", "\r\n").encode()
    assert read_prompt_file(turned).artifact.hash == ROUTING.hash


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"a: [", "not YAML"),
        (b"- a", "a mapping at the top"),
        (b"a: 1\n---\nb: 2", "more than one document"),
        (b"a: &x 1\nb: *x", "line 1: anchors"),
        (b"a: !!python/object/apply:os.system [id]", "line 1: tags"),
        (b"a: 1\na: 2", "line 2: the key 'a' appears twice"),
        (b"1: 2", "line 1: a key must be text"),
        (b"<<: {a: 1}\nmessages: []", "messages: expected a list"),
        (b"a: \xff", "not UTF-8"),
        (b"a: \x00", "not YAML"),
        (b'a: "\\UFFFFFFFF"', "not YAML"),
        (b'messages: [{role: user, content: "\\0"}]', "U+0000"),
        (b'messages: [{role: user, content: "\\ud800"}]', "surrogate"),
        (b'name: "\\ud800"\nmessages: [{role: user, content: x}]', "surrogate"),
        (b"a: " + b"[" * 100_000, "levels deep"),
        (b"a: " + b"x" * LARGEST_BYTES, "larger than"),
        (b"modelParameters: {t: .nan}", "not a JSON number"),
        (b"messages: [{role: user, content: x}]\nmodelParameters: {t: 1e999}", "NaN and infinity"),
        (b"messages: [{role: user, content: 1}]", "messages[0]"),
        (b"messages: [{role: tool, content: x}]", "one user message"),
        (b"messages: [{role: user, content: x}]\nmodel: 1", "model: expected text"),
        (
            b"messages: [{role: user, content: x}]\nkaizen: {schema: kaizen.prompt/9}",
            "newer Kaizen",
        ),
        (b"messages: [{role: user, content: x}]\nkaizen: {system: y}", "kaizen.system"),
        (
            b"messages: [{role: user, content: '{{x}}'}]\n"
            b"kaizen: {inputs: [], outputs: [{name: o}]}",
            "{{x}}",
        ),
    ],
)
def test_what_could_surprise_is_refused_by_name(data: bytes, complaint: str) -> None:
    with pytest.raises(InvalidPromptFile) as caught:
        read_prompt_file(data)
    assert complaint in str(caught.value)


def test_aliases_that_grow_without_end_are_never_expanded() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    with pytest.raises(InvalidPromptFile, match="anchors"):
        read_yaml("\n".join(lines).encode())


def test_an_artifact_too_large_for_a_file_is_refused_and_a_large_one_is_not() -> None:
    words = random.Random(1)
    text = "\n".join(f"line {words.random()}" for _ in range(20_000))
    large = ROUTING.with_(system=text)
    assert read_prompt_file(write_prompt_file(PromptFile(large))).artifact.hash == large.hash
    with pytest.raises(InvalidPromptFile, match="larger than"):
        write_prompt_file(PromptFile(ROUTING.with_(system=text * 3)))


def test_a_key_of_the_format_cannot_be_smuggled_in_beside_it() -> None:
    with pytest.raises(InvalidPromptFile, match="kaizen"):
        write_prompt_file(PromptFile(ROUTING, extra={"kaizen": {}}))


def test_what_is_written_is_the_json_of_the_artifact_and_nothing_else() -> None:
    loaded = yaml.safe_load(write_prompt_file(PromptFile(ROUTING)))
    whole = json.loads(json.dumps(ROUTING.to_dict()))
    assert loaded["kaizen"]["demos"] == whole["demos"]
    assert [message["content"] for message in loaded["messages"]] == [
        whole["system"],
        whole["user_template"],
    ]
