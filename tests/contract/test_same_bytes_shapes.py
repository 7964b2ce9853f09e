"""The documented renderer, written without Kaizen, against ours: every layout and contract."""

from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from typing import Any

import pytest

from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.render import render_messages
from tests.contract.four_ways import SCRIPT
from tests.installation import ROOT

PAGE = ROOT / "docs" / "dev" / "artifact.md"
TEXT = {"text": '{{text}} {x} \\ "quoted"\r\n  Grüße 🙂 ', "more": "m"}
TABLE = {"text": {"b": [1, {"z": None, "ä": True}], "a": 1.5}, "more": 7}
MEDIA = {"text": "data:image/png;base64,aGk=", "more": "https://example.org/a.mp3"}
INPUTS: dict[str, tuple[tuple[InputField, ...], dict[str, Any]]] = {
    "text": ((InputField("text"), InputField("more")), TEXT),
    "json": ((InputField("text", "json"), InputField("more", "json")), TABLE),
    "media": ((InputField("text", "image_url"), InputField("more", "audio_url")), MEDIA),
    "one": ((InputField("text"),), {"text": "alone"}),
}
NESTED = {"items": {"type": "string"}, "minItems": 1}
OUTPUTS: dict[str, tuple[tuple[OutputField, ...], dict[str, Any]]] = {
    "free text": ((OutputField("out"),), {"out": " as it is "}),
    "labels": ((OutputField("out", enum=("a", "b, c", 'd "e"')),), {"out": "b, c"}),
    "integer labels": ((OutputField("out", "integer", ("1", "2")),), {"out": 2}),
    "integer": ((OutputField("out", "integer"),), {"out": -3}),
    "number": ((OutputField("out", "number"),), {"out": 0.25}),
    "boolean": ((OutputField("out", "boolean"),), {"out": False}),
    "object": ((OutputField("out", "object"),), {"out": {"b": 1, "a": "ü"}}),
    "array": ((OutputField("out", "array", schema=NESTED),), {"out": ["x"]}),
    "several": (
        (
            OutputField("label ü", enum=("x", "y, z"), description="which\none\n"),
            OutputField("level", "integer", ("1", "2")),
            OutputField("sure", "boolean", description="or not"),
            OutputField("parts", "object"),
        ),
        {"label ü": "y, z", "level": 1, "sure": True, "parts": {"b": {"d": 1, "c": 2}, "a": []}},
    ),
}


@pytest.fixture(scope="module")
def script() -> Any:
    spec = spec_from_file_location("artifact_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def artifacts(inputs_name: str, outputs_name: str) -> list[PromptArtifact]:
    inputs, values = INPUTS[inputs_name]
    outputs, answer = OUTPUTS[outputs_name]
    template = " | ".join(f"{{{{ {field.name} }}}}" for field in inputs) + " {{{more or less}"
    return [
        PromptArtifact(
            system=system,
            user_template=template,
            inputs=inputs,
            outputs=outputs,
            demos=(
                Demo(values, {"reasoning": "so", **answer}),
                Demo(values, {**dict.fromkeys(answer), "reasoning": "so"}),
                Demo({**values, "text": None}, {"reasoning": "so", **answer}),
            ),
            layout=layout,
            reasoning=reasoning,
            params={"temperature": 0.0, "top_p": 0.9},
        )
        for layout, reasoning, system in product(
            ("chat", "user_only"), (False, True), ("", "  Say\nwhat it is. ")
        )
    ]


@pytest.mark.parametrize("outputs_name", OUTPUTS)
@pytest.mark.parametrize("inputs_name", INPUTS)
def test_the_documented_renderer_writes_the_same_messages(
    script: Any, inputs_name: str, outputs_name: str
) -> None:
    _, values = INPUTS[inputs_name]
    for artifact in artifacts(inputs_name, outputs_name):
        ours = render_messages(artifact.to_dict(), values)
        assert script.render(artifact.to_dict(), values) == ours
        assert script.hash_of(artifact.to_dict()) == artifact.hash


def test_the_page_holds_the_code_of_the_script() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.split("```python\n")[1].split("```")[0]
    source = SCRIPT.read_text(encoding="utf-8")
    core = source[source.index("def hash_of") : source.index("def read(")]
    assert shown[shown.index("def hash_of") :].strip() == core.strip()
    exec(compile(shown, str(PAGE), "exec"), {})  # it needs nothing that it does not import
