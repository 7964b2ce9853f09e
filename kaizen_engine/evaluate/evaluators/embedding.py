"""How alike answer and expected text are to an embedding model: the cosine of their vectors.

`model` is `<connection>/<model>` of an OpenAI-compatible connection, with a price; below 0 is 0.
Each text is cut at `max_chars`.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, storable, text_of
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.llm.vectors import cosine, vector_of

TIER = Tier.EMBEDDING
NEEDS = Needs.EXPECTED
CALLS = (1, 2)
ROLE = "embedder"


def build(options: Options, door: Door) -> Score:
    model = options.model()
    most_chars = options.whole("max_chars", 8_000, low=100, high=100_000)
    field = field_option(options)

    def vector(text: str) -> tuple[float, ...]:
        message = {"role": "user", "content": text}
        request = ChatRequest(model, (message,), max_tokens=1, endpoint="embeddings")
        return vector_of(door.complete(request, role=ROLE).text)

    def score(case: Case) -> Mark:
        answer, expected = (
            storable(text_of(one, field)[:most_chars]).strip()
            for one in (case.output, case.expected)
        )
        if answer == expected or not (answer and expected):
            return Mark(float(answer == expected))
        return Mark(max(0.0, cosine(vector(answer), vector(expected))))

    return score
