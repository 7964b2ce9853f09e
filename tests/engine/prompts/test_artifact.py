import hashlib
import json

import pytest

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts.artifact import (
    Demo,
    InputField,
    OutputField,
    PromptArtifact,
    canonical_json,
)

FULL = {
    "schema": "kaizen.prompt/1",
    "layout": "chat",
    "system": "Sort.",
    "user_template": "{{text}}",
    "inputs": [{"name": "text", "type": "text", "description": ""}],
    "demos": [{"inputs": {"text": "a"}, "outputs": {"label": "b"}}],
    "outputs": [{"name": "label", "type": "string", "enum": ["b", "c"], "description": "d"}],
    "reasoning": False,
    "model": "demo/words",
    "params": {"temperature": 0.5},
}


def test_from_dict_and_to_dict_are_each_others_inverse():
    assert PromptArtifact.from_dict(FULL).to_dict() == FULL


def test_the_hash_is_what_any_json_library_gives_for_the_served_artifact():
    served = PromptArtifact.from_dict(FULL).to_dict()
    text = json.dumps(served, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert PromptArtifact.from_dict(FULL).hash == hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_does_not_depend_on_key_order_or_on_how_a_whole_number_is_spelt():
    one = PromptArtifact.from_dict({**FULL, "params": {"top_p": 1, "temperature": 0}})
    other = PromptArtifact.from_dict({**FULL, "params": {"temperature": 0.0, "top_p": 1.0}})
    assert one.hash == other.hash


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Sort it."},
        {"params": {}},
        {"model": ""},
        {"reasoning": True},
        {"demos": []},
        {"layout": "user_only"},
    ],
)
def test_every_part_of_the_artifact_moves_the_hash(change):
    assert PromptArtifact.from_dict({**FULL, **change}).hash != PromptArtifact.from_dict(FULL).hash


def test_defaults_are_filled_in():
    short = {"user_template": "{{x}}", "inputs": [{"name": "x"}], "outputs": [{"name": "y"}]}
    assert PromptArtifact.from_dict(short) == PromptArtifact(
        "", "{{x}}", (InputField("x"),), (OutputField("y"),)
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema": "kaizen.prompt/2"}, "schema"),
        ({"layout": "both"}, "layout"),
        ({"surprise": 1}, "surprise"),
        ({"system": None}, "system"),
        ({"user_template": ""}, "user_template"),
        ({"user_template": "{{other}}"}, "user_template"),
        ({"system": "{{x | upper}}"}, "system"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": [{"name": "text"}, {"name": "text"}]}, "inputs"),
        ({"inputs": [{"name": "te}}xt"}]}, r"inputs\[0\].name"),
        ({"inputs": [{"name": "text", "type": "video"}]}, r"inputs\[0\].type"),
        ({"outputs": []}, "outputs"),
        ({"outputs": [{"name": "a", "enum": ["x", "x"]}]}, r"outputs\[0\].enum"),
        ({"outputs": [{"name": "a", "enum": ["x\ny"]}]}, r"outputs\[0\].enum"),
        ({"outputs": [{"name": "a", "enum": ["x"], "type": "integer"}]}, r"outputs\[0\].enum"),
        ({"outputs": [{"name": "a", "schema": {}}]}, r"outputs\[0\].schema"),
        ({"outputs": [{"name": "reasoning"}], "reasoning": True}, "outputs"),
        ({"demos": [{"inputs": {}}]}, r"demos\[0\].outputs"),
        ({"demos": [{"inputs": [], "outputs": {}}]}, r"demos\[0\].inputs"),
        ({"reasoning": "yes"}, "reasoning"),
        ({"params": []}, "params"),
    ],
)
def test_a_broken_artifact_is_refused_and_the_field_named(change, field):
    with pytest.raises(InvalidArtifact, match=f"^{field}: "):
        PromptArtifact.from_dict({**FULL, **change})


DEEP = {"a": 1}
for _ in range(100):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1e300, 2**2000, "\x00", "\ud800", DEEP, {1: 2}, {"a": {1}}],
)
def test_values_without_one_spelling_are_refused(value):
    with pytest.raises(ValueError):
        canonical_json(value)
    with pytest.raises(InvalidArtifact):
        PromptArtifact.from_dict({**FULL, "params": {"x": value}})


@pytest.mark.parametrize("value", [0.1, 1e-300, -2.5, 5e-324, 3.0, 2**200, "é\u2028", [None, True]])
def test_a_canonical_value_survives_a_round_trip(value):
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_a_copy_with_changes_is_checked_as_well():
    artifact = PromptArtifact.from_dict(FULL)
    assert (
        artifact.with_(demos=(Demo({"text": "z"}, {"label": "c"}),)).demos[0].inputs["text"] == "z"
    )
    with pytest.raises(InvalidArtifact):
        artifact.with_(system="{{nobody}}")
    with pytest.raises(InvalidArtifact):
        artifact.with_(params={"x": float("nan")})
