"""Score an artifact on examples, row by row, with the messages that ship."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.evaluator import Case, Evaluator, Vote
from kaizen_engine.evaluate.texts import storable
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.parse import OutputParseError, parse_output
from kaizen_engine.prompts.render import RenderError, render_messages
from kaizen_engine.states import Origin, Split

DEFAULT_MAX_TOKENS = 512

Complete = Callable[[ChatRequest], ChatResponse]


@dataclass(frozen=True)
class Example:
    """`outputs` are the expected ones. `deciding`: a random or representative row.

    A row without them has an answer that somebody rated (`rated_output`, `rated_score` from 0 to
    1, None where nobody did) and perhaps a `comment` on it: only a judge can score such a row.
    `looks` counts the verdicts that were drawn from the row before.
    """

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    split: Split
    group: str
    origin: Origin
    deciding: bool
    comment: str = ""
    rated_output: Mapping[str, Any] | None = None
    rated_score: float | None = None
    looks: int = 0

    @property
    def is_labelled(self) -> bool:
        return bool(self.outputs)


@dataclass(frozen=True)
class RowScore:
    """`output` is None, and `score` 0, when `parse_error` says why there is none.

    `parts`, `reasons` and a judge's `votes` are by the name of the evaluator's part.
    """

    example_id: str
    score: float
    output: Mapping[str, Any] | None
    parse_error: str
    text: str
    messages_hash: str
    parts: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    votes: Mapping[str, Sequence[Vote]] = field(default_factory=dict)


def build_request(artifact: PromptArtifact, inputs: Mapping[str, Any], model: str) -> ChatRequest:
    """Return the call that ships for these inputs; raises RenderError."""
    params = dict(artifact.params)
    return ChatRequest(
        model=model,
        messages=tuple(render_messages(artifact.to_dict(), inputs)),
        max_tokens=int(params.pop("max_tokens", DEFAULT_MAX_TOKENS)),
        temperature=float(params.pop("temperature", 0.0)),
        params=params,
    )


def evaluate_rows(
    artifact: PromptArtifact,
    examples: Sequence[Example],
    complete: Complete,
    evaluator: Evaluator,
    threads: int,
    model: str,
    on_row: Callable[[RowScore], None] | None = None,
) -> list[RowScore]:
    """Return a score for each example, in their order.

    An answer that breaks the contract, or an example that lacks an input, scores 0 with the
    reason. Any other error stops the rows not yet begun, waits for the calls in flight, and is
    raised, a JobAbort before others. `on_row` is called in the caller's thread, as rows finish.
    """
    stopping = threading.Event()

    def score(example: Example) -> RowScore | None:
        if stopping.is_set():
            return None
        try:
            return score_row(artifact, example, complete, evaluator, model)
        except BaseException:
            # Set here, not by the collector: another thread may be about to begin a row.
            stopping.set()
            raise

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        futures = [pool.submit(score, example) for example in examples]
        try:
            _report(futures, on_row)
        finally:
            stopping.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return [row for future in futures if (row := future.result()) is not None]


def score_row(
    artifact: PromptArtifact,
    example: Example,
    complete: Complete,
    evaluator: Evaluator,
    model: str,
) -> RowScore:
    """Score one example with one call of the model; errors of `complete` pass through."""
    try:
        request = build_request(artifact, example.inputs, model)
    except RenderError as error:
        return RowScore(example.id, 0.0, None, f"not rendered: {error}", "", "")
    text = complete(request).text
    try:
        output = parse_output(artifact.to_dict(), text)
    except OutputParseError as error:
        return RowScore(example.id, 0.0, None, str(error), storable(text), request.messages_hash)
    found = evaluator.evaluate(case_of(example, output, text))
    return RowScore(
        example_id=example.id,
        score=found.score,
        output=output,
        parse_error="",
        text=storable(text),
        messages_hash=request.messages_hash,
        parts=found.parts,
        reasons=found.reasons,
        votes=found.votes,
    )


def case_of(example: Example, output: Mapping[str, Any], text: str = "") -> Case:
    """Return what an evaluator sees of an answer to `example`."""
    return Case(
        id=example.id,
        inputs=example.inputs,
        expected=example.outputs,
        output=output,
        text=text,
        comment=example.comment,
        rated=example.rated_output,
        rated_score=example.rated_score,
    )


def _report(
    futures: Sequence["Future[RowScore | None]"], on_row: Callable[[RowScore], None] | None
) -> None:
    """Hand over rows as they finish, also those under way at an error, which is raised then."""
    errors: list[BaseException] = []
    for future in as_completed(futures):
        error = future.exception()
        if error is not None:
            errors.append(error)
        elif on_row is not None and (row := future.result()) is not None:
            on_row(row)
    if errors:
        raise next((error for error in errors if isinstance(error, JobAbort)), errors[0])
