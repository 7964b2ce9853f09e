import pytest

from kaizen_engine.llm.types import ChatResponse
from kaizen_engine.optimize.dspy_signature import internal_names, signature_of
from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.render import render_messages
from tests.engine.optimize.support import ask

UNSAFE_NAMES = (
    *("signature", "fields", "instructions", "model_config", "_hidden", "demos", "config", "lm"),
    *("new_signature", "copy", "json", "schema", "my-field", "Über größe", "class", "dict"),
    *("with", "augmented", "trace", "prediction", "keys", "items", "inputs", "labels", "get"),
    *(
        "reasoning",
        "parse_error",
        "kwargs",
        "self",
        "args",
        "toDict",
        "1st",
        "instance",
        "base",
        "fn",
        "func",
    ),
    *("name", "type", "outputs", "completions", "call_id", "key", "store", "cls", "n", "_trace"),
    *("a b", "score"),
)


def artifact_with(input_name: str, output_name: str) -> PromptArtifact:
    return PromptArtifact(
        system="Say where it goes.",
        user_template=f"{{{{{input_name}}}}}",
        inputs=(InputField(input_name),),
        outputs=(OutputField(output_name, enum=("yes", "no")),),
        demos=(Demo({input_name: "shown"}, {output_name: "no"}),),
    )


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_a_field_with_any_name_can_be_asked_and_answered(name: str) -> None:
    for artifact in (artifact_with(name, "answer_"), artifact_with("text_", name)):
        (field,), (output,) = artifact.inputs, artifact.outputs
        outputs, seen = ask(artifact, {field.name: "why?"}, lambda _: "Yes.")

        assert outputs == {output.name: "yes"}
        assert seen == [tuple(render_messages(artifact.to_dict(), {field.name: "why?"}))]


def test_an_input_and_an_output_may_share_a_name() -> None:
    outputs, _ = ask(artifact_with("text", "text"), {"text": "why?"}, lambda _: "no")
    assert outputs == {"text": "no"}


def test_internal_names_never_meet() -> None:
    artifact = PromptArtifact(
        system="",
        user_template="",
        inputs=(InputField("a-b"), InputField("a b"), InputField("f_a_b")),
        outputs=(OutputField("A B"),),
    )
    inputs, outputs = internal_names(artifact)
    assert len({*inputs.values(), *outputs.values()}) == 4


def test_fields_keep_their_types_and_the_system_text_becomes_the_instructions() -> None:
    outputs = (
        OutputField("label", enum=("a", "b")),
        OutputField("count", "integer"),
        OutputField("rate", "number"),
        OutputField("is_open", "boolean"),
        OutputField("tags", "array"),
        OutputField("who", "object"),
    )
    artifact = PromptArtifact("Do it.", "{{x}}", (InputField("x", "json"),), outputs)
    signature = signature_of(artifact)

    kinds = [str(field.annotation) for field in signature.output_fields.values()]
    assert signature.instructions == "Do it."
    assert kinds[0] == "typing.Literal['a', 'b']"
    assert kinds[1:4] == ["<class 'int'>", "<class 'float'>", "<class 'bool'>"]


def test_a_response_without_token_counts_is_still_an_answer() -> None:
    artifact = artifact_with("text", "label")
    outputs, _ = ask(artifact, {"text": "x"}, lambda _: ChatResponse("yes", 0, 0, "odd_reason"))
    assert outputs == {"label": "yes"}
