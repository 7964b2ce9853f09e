"""The program that DSPy's optimizers work on: one prediction, exportable at any moment."""

from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from kaizen_engine.errors import JobAbort
from kaizen_engine.optimize.dspy_adapter import VanillaAdapter
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.render import RenderError
from kaizen_engine.states import StopReason


class PromptProgram(dspy.Module):  # type: ignore[misc]
    """An artifact as a DSPy module; its fields have the adapter's internal names.

    An answer that cannot be parsed, or an input that cannot be rendered, is data: the fields are
    None and `parse_error` says why. Every other error aborts the job, since DSPy would score it
    as a bad prompt.
    """

    def __init__(self, artifact: PromptArtifact) -> None:
        super().__init__()
        self.adapter = VanillaAdapter(artifact)
        # Marks the answers of a candidate at temperature 0; answers of a borrowed model are none.
        self.key = ""
        self.predict = dspy.Predict(self.adapter.signature)
        self.predict.demos = self.adapter.to_demos(artifact.demos)

    @classmethod
    def from_artifact(cls, artifact: PromptArtifact) -> "PromptProgram":
        return cls(artifact)

    def artifact(self) -> PromptArtifact:
        """Export what this program sends right now."""
        return self.adapter.artifact(self.predict.signature, self.predict.demos)

    def forward(self, **inputs: Any) -> dspy.Prediction:
        try:
            with dspy.context(adapter=self.adapter, warn_on_type_mismatch=False):
                answer = self.predict(**inputs)
        except (AdapterParseError, RenderError) as error:
            answer = self._without_answer(str(error.__cause__ or error))
            _leave_trace(self.predict, inputs, answer)
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            raise JobAbort(StopReason.ERROR, detail[:500]) from error
        answer._key = self.key if self.predict.lm is None else ""
        return answer

    def _without_answer(self, problem: str) -> dspy.Prediction:
        fields = dict.fromkeys(self.predict.signature.output_fields)
        return dspy.Prediction(**{"parse_error": problem, **fields})


def _leave_trace(predict: dspy.Predict, inputs: dict[str, Any], answer: dspy.Prediction) -> None:
    """Let reflection see an answer that could not be read; DSPy only notes the others."""
    trace = dspy.settings.trace
    if trace is not None:
        trace.append((predict, inputs, answer))


class BoundedTeacher(PromptProgram):
    """A teacher that stops asking the model after `attempts` examples.

    DSPy's bootstrapping walks the whole train set while answers are wrong. Each candidate starts
    from a deep copy, and so with a fresh count.
    """

    def __init__(self, artifact: PromptArtifact, attempts: int) -> None:
        super().__init__(artifact)
        self.attempts_left = attempts

    def forward(self, **inputs: Any) -> dspy.Prediction:
        if self.attempts_left <= 0:
            return self._without_answer("no attempts left")
        self.attempts_left -= 1
        return super().forward(**inputs)
