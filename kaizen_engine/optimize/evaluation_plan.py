"""What an evaluation is going to ask, known before it asks; light enough for a web process."""

from collections.abc import Iterable, Iterator

from kaizen_engine.evaluate.evaluator import Evaluator, Needs
from kaizen_engine.evaluate.runner import Example, build_request
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.splits import usable_examples
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.render import RenderError

SAMPLES_OF_A_SAMPLED_MODEL = 3


def samples_for(artifact: PromptArtifact) -> int:
    """Return how often each row is answered: a model that is sampled needs a mean."""
    return SAMPLES_OF_A_SAMPLED_MODEL if float(artifact.params.get("temperature", 0)) > 0 else 1


def requests_of(
    artifact: PromptArtifact, examples: Iterable[Example], model: str
) -> Iterator[ChatRequest]:
    """Yield the requests that scoring these rows makes, none for a row that cannot be rendered."""
    for example in examples:
        try:
            yield build_request(artifact, example.inputs, model)
        except RenderError:
            continue


def rows_to_score(
    artifact: PromptArtifact, examples: Iterable[Example], evaluator: Evaluator
) -> list[Example]:
    """Return the rows that have what the prompt and the evaluator need."""
    needs_label = evaluator.needs is Needs.EXPECTED
    usable = usable_examples(artifact, examples)
    return [row for row in usable if row.is_labelled or not needs_label]
