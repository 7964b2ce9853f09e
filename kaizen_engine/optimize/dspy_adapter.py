"""The adapter through which DSPy sends exactly what the artifact renders, and nothing of its own.

Bound to the student only: the optimizers' own meta prompts keep DSPy's adapters.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dspy
from dspy.lm15 import Config
from dspy.utils.exceptions import AdapterParseError

from kaizen_engine.optimize.dspy_lm import SAMPLE
from kaizen_engine.optimize.dspy_messages import to_lm15
from kaizen_engine.optimize.dspy_signature import REASONING, internal_names, signature_of
from kaizen_engine.prompts.artifact import Demo, PromptArtifact
from kaizen_engine.prompts.parse import OutputParseError, parse_output
from kaizen_engine.prompts.plain import plain_json
from kaizen_engine.prompts.render import complete_demos, render_messages


class VanillaAdapter(dspy.Adapter):  # type: ignore[misc]
    """Renders and parses by the artifact's contract; holds no state of a call."""

    def __init__(self, artifact: PromptArtifact) -> None:
        super().__init__()
        self.signature = signature_of(artifact)
        self._artifact = artifact
        self._fields = artifact.outputs
        self._plain = artifact.to_dict()
        self._inputs, self._outputs = internal_names(artifact)
        # DSPy trims the indentation of instructions; untouched ones must stay byte for byte.
        self._untouched = self.signature.instructions
        self._last: tuple[str, list[Any], Mapping[str, Any]] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "VanillaAdapter":
        return self

    def __call__(
        self,
        lm: Any,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[Any],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """Send one canonical request; DSPy's own way goes through deprecated message dicts."""
        messages = self.format(signature, demos, inputs)
        request = to_lm15(lm.model, messages, _config({**lm.kwargs, **lm_kwargs}))
        response = lm(request)
        return [self.parse(signature, response.message.text or "")]

    def format(
        self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return `render_messages` of the candidate that this signature and these demos are."""
        shown = {name: inputs.get(inner) for name, inner in self._inputs.items()}
        return render_messages(self._candidate(signature, demos), shown)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """Return outputs by internal name. Raises AdapterParseError."""
        try:
            values = parse_output(self._plain, completion)
        except OutputParseError as error:
            raise AdapterParseError("VanillaAdapter", signature, completion, str(error)) from error
        if self._artifact.reasoning:
            values[REASONING] = _reasoning(completion)
        return {inner: values.get(name) for name, inner in self._outputs.items()}

    def artifact(self, signature: type[dspy.Signature], demos: Sequence[Any]) -> PromptArtifact:
        """Export the candidate; demonstrations that would not be rendered are left out."""
        candidate = self._candidate(signature, demos)
        kept = tuple(Demo(demo["inputs"], demo["outputs"]) for demo in complete_demos(candidate))
        return self._artifact.with_(system=candidate["system"], demos=kept)

    def to_demos(self, demos: Iterable[Demo]) -> list[dspy.Example]:
        """Return demonstrations, or examples with inputs and outputs, under internal names."""
        return [self.to_example(demo.inputs, demo.outputs) for demo in demos]

    def to_example(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dspy.Example:
        fields = {inner: inputs[name] for name, inner in self._inputs.items() if name in inputs}
        for name, inner in self._outputs.items():
            if name in outputs:
                fields[inner] = outputs[name]
        return dspy.Example(fields).with_inputs(*self._inputs.values())

    def to_outputs(self, prediction: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs there are, by display name and without the reasoning."""
        return _shown(prediction, {item.name: self._outputs[item.name] for item in self._fields})

    def to_inner_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {inner: inputs[name] for name, inner in self._inputs.items() if name in inputs}

    def _candidate(
        self, signature: type[dspy.Signature], demos: Sequence[Any]
    ) -> Mapping[str, Any]:
        """Build the candidate, or take the last one: an evaluation asks for it at every row."""
        instructions, last = signature.instructions, self._last
        if last is not None and last[0] == instructions and last[1] == demos:
            return last[2]
        system = self._plain["system"] if instructions == self._untouched else instructions
        shown = [self._demo(demo) for demo in demos]
        candidate = {**self._plain, "system": system, "demos": shown}
        self._last = (instructions, list(demos), candidate)
        return candidate

    def _demo(self, demo: Mapping[str, Any]) -> dict[str, Any]:
        # As the artifact spells it: DSPy may hold 2.0 where what ships says 2.
        shown = {"inputs": _shown(demo, self._inputs), "outputs": _shown(demo, self._outputs)}
        return dict(plain_json(shown))


def _shown(demo: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: demo[inner] for name, inner in names.items() if inner in demo}


def _config(options: Mapping[str, Any]) -> Config:
    sample = options.get("rollout_id")
    return Config(
        temperature=options.get("temperature"),
        max_tokens=options.get("max_tokens"),
        extensions=None if sample is None else {SAMPLE: sample},
    )


def _reasoning(completion: str) -> Any:
    found, _ = json.JSONDecoder(strict=False).raw_decode(completion, completion.find("{"))
    return found.get(REASONING)
