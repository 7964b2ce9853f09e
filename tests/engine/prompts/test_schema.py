import pytest

from kaizen_engine.errors import InvalidSchema
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.schema import (
    infer_schema,
    inputs_from_schema,
    outputs_from_schema,
    safe_field_name,
    safe_field_names,
)


def test_inputs_are_text_json_or_media():
    schema = {
        "properties": {
            "text": {"type": "string", "description": "the message"},
            "history": {"type": "array"},
            "age": {"type": ["integer", "null"]},
            "photo": {"type": "string", "contentMediaType": "image/png"},
        }
    }
    assert inputs_from_schema(schema) == (
        InputField("text", "text", "the message"),
        InputField("history", "json"),
        InputField("age", "json"),
        InputField("photo", "image_url"),
    )


def test_outputs_carry_labels_and_nested_schemas():
    nested = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "label": {"type": "string", "enum": ["a", "b"], "description": "which"},
            "stars": {"type": "integer", "enum": [1, 2]},
            "tags": {**nested, "description": "all"},
            "done": {"type": "boolean"},
        },
    }
    outputs = outputs_from_schema(schema)
    assert outputs == (
        OutputField("label", enum=("a", "b"), description="which"),
        OutputField("stars", "integer", enum=("1", "2")),
        OutputField("tags", "array", description="all", schema=nested),
        OutputField("done", "boolean"),
    )
    artifact = PromptArtifact("", "x", (), outputs)
    assert PromptArtifact.from_dict(artifact.to_dict()) == artifact


def test_a_bare_value_is_one_output():
    assert outputs_from_schema({"enum": ["x"]}) == (OutputField("output", enum=("x",)),)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "null"}}},
        {"properties": {"a": {"type": ["string", "integer"]}}},
        {"properties": {"a": {"$ref": "#/x"}}},
        {"properties": {"a": {"anyOf": []}}},
        {"properties": {"a": {"type": "string", "enum": []}}},
        {"properties": {"a": {"type": "string", "enum": [1]}}},
        {"properties": {"a": {"type": "integer", "enum": [True]}}},
        {"properties": {"a": {"type": "number", "enum": [0.5]}}},
        {"properties": {"a": "string"}},
    ],
)
def test_schemas_no_contract_can_be_made_of_are_refused(schema):
    with pytest.raises(InvalidSchema):
        outputs_from_schema(schema)


@pytest.mark.parametrize("schema", [{}, {"properties": {}}, {"properties": []}])
def test_inputs_need_properties(schema):
    with pytest.raises(InvalidSchema):
        inputs_from_schema(schema)


def test_a_schema_is_inferred_from_one_value():
    assert infer_schema({"a": [1, 2], "b": {"c": True}, "d": None, "e": [1, "x"]}) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "integer"}},
            "b": {
                "type": "object",
                "properties": {"c": {"type": "boolean"}},
                "required": ["c"],
            },
            "d": {},
            "e": {"type": "array"},
        },
        "required": ["a", "b", "d", "e"],
    }
    assert infer_schema(0.5) == {"type": "number"}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("text", "text"),
        ("text_2", "text_2"),
        ("signature", "f_signature"),
        ("model_config", "f_model_config"),
        ("_private", "f_private"),
        ("my-field", "f_my_field"),
        ("Text", "f_text"),
        ("class", "f_class"),
        ("demos", "f_demos"),
        ("prediction", "f_prediction"),
        ("2nd", "f_2nd"),
        ("f_text", "f_text"),
    ],
)
def test_names_dspy_cannot_carry_get_a_slug(name, safe):
    assert safe_field_name(name) == safe


def test_names_without_a_latin_letter_get_a_safe_name_too():
    assert safe_field_name("本文").startswith("f_")
    assert safe_field_name("本文") != safe_field_name("見出")


def test_names_with_the_same_slug_stay_apart():
    names = safe_field_names(["my-field", "my field", "f_my_field", "text"])
    assert list(names.values()) == ["f_my_field", "f_my_field_2", "f_my_field_3", "text"]
