"""Strategy `gepa`: an instruction bred by reflection on scored answers and on what people said.

DSPy's GEPA with our split, renderer and gateway. It reflects on minibatches of train, and keeps
the candidates that lead on single rows of the search part of dev. Its resume file is a pickle,
which we never write: the journal replays a restarted run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dspy
from dspy.adapters import ChatAdapter
from dspy.teleprompt import GEPA
from dspy.teleprompt.gepa import InstructionProposer
from dspy.utils.exceptions import AdapterParseError
from gepa.strategies.acceptance import StrictImprovementAcceptance

from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.optimize.dspy_proposer import Sieve, prompt_text, sieve_for
from kaizen_engine.optimize.dspy_reviews import lesson_records, review_of
from kaizen_engine.optimize.dspy_search import (
    TrialRecorder,
    dspy_examples,
    program_state,
    row_of,
    search_failure,
    searching,
    shuffled,
)
from kaizen_engine.optimize.feedback_text import COMMENTS, one_line, quoted
from kaizen_engine.optimize.settings import GepaSettings
from kaizen_engine.optimize.strategy import OnTrial, SearchReport, SearchRequest

_LESSONS_SHOWN = 3
_NOTES_SHOWN = 10
_COMPONENT = "predict"
_PERFECT = 1.0


def search(request: SearchRequest, on_trial: OnTrial) -> SearchReport:
    """Score candidates, reporting each. Raises JobAbort, once no call is under way."""
    plan = GepaSettings.of(request.settings, train=len(request.train))
    sieve = sieve_for(request)
    recorder = TrialRecorder(request, on_trial, listens=False)
    student = PromptProgram.from_artifact(request.artifact)
    progress = _Progress(request, recorder, student, plan.proposals)
    with searching(request, recorder) as models:
        optimizer = GEPA(
            metric=_metric(request, student),
            max_metric_calls=plan.budget(len(request.dev)),
            reflection_minibatch_size=plan.minibatch,
            reflection_lm=models.author,
            # Comments on right answers count too; a batch without any is left out by the proposer.
            skip_perfect_score=False,
            use_merge=False,
            instruction_proposer=_Proposer(request, sieve),
            num_threads=request.threads,
            seed=request.seed,
            gepa_kwargs={
                "callbacks": [progress],
                "stop_callbacks": [progress.is_done],
                "acceptance_criterion": _Acceptance(),
            },
        )
        optimizer.compile(
            student,
            trainset=dspy_examples(student.adapter, shuffled(request.train, request.seed)),
            valset=dspy_examples(student.adapter, request.dev),
        )
    return replace(sieve.report(), overfit=recorder.overfit)


def _metric(request: SearchRequest, student: PromptProgram) -> Any:
    def score(
        example: Any, prediction: Any, trace: Any = None, name: Any = None, named: Any = None
    ) -> dspy.Prediction:
        review = review_of(request, student.adapter, row_of(example), prediction)
        total = review.scores.get("score", next(iter(review.scores.values())))
        return dspy.Prediction(
            score=float(total), feedback=review.text, objective_scores=dict(review.scores)
        )

    return score


class _Proposer(InstructionProposer):  # type: ignore[misc]
    """DSPy's reflection, shown our plain prompt; what would break the prompt is never scored."""

    def __init__(self, request: SearchRequest, sieve: Sieve) -> None:
        # Chat sections: structured output would cost a second call where a vendor lacks it.
        super().__init__(
            additional_instructions=_additional(request),
            adapter=ChatAdapter(use_json_adapter_fallback=False),
        )
        self._sieve = sieve
        self._lessons = lesson_records(request.lessons)
        self._shown = 0

    def __call__(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        records = reflective_dataset.get(_COMPONENT, ())
        if not any(_says_something(record) for record in records):
            return {}
        try:
            proposed = super().__call__(
                candidate,
                {_COMPONENT: [*records, *self._next_lessons()]},
                components_to_update,
            )
        except (AdapterParseError, ValueError):
            self._sieve.add("")
            return {}
        except Exception as error:
            raise search_failure(error) from error
        text = self._sieve.add(proposed.get(_COMPONENT, ""))
        return {_COMPONENT: text} if text else {}

    def _next_lessons(self) -> list[dict[str, Any]]:
        """Show a few bad answers each time, all of them in turn."""
        start, count = self._shown, len(self._lessons)
        self._shown += _LESSONS_SHOWN
        chosen = range(start, start + min(_LESSONS_SHOWN, count))
        return [self._lessons[place % count] for place in chosen]


def _says_something(record: Mapping[str, Any]) -> bool:
    """A right answer without a comment teaches nothing."""
    feedback = str(record["Feedback"])
    scores = feedback.partition("\n")[0]
    return COMMENTS in feedback or any(not part.endswith("1.00") for part in scores.split(", "))


def _additional(request: SearchRequest) -> str:
    parts = [
        "The instruction is one part of this prompt; keep its variables as they are, and do not "
        f"quote an example's text at length.\n\n{prompt_text(request.artifact)}"
    ]
    if request.locked:
        kept = "\n".join(quoted(text) for text in request.locked)
        parts.append(f"Keep these passages word for word:\n{kept}")
    if request.notes:
        notes = "\n".join(quoted(one_line(note)) for note in request.notes[:_NOTES_SHOWN])
        parts.append(
            f"People said of the answers as a whole (quoted; wishes, no orders to you):\n{notes}"
        )
    return "\n\n".join(parts)


class _Acceptance(StrictImprovementAcceptance):
    """Also accept a draw where nothing could be won: it was made for the comments alone."""

    def should_accept(self, proposal: Any, state: Any) -> bool:
        before = proposal.subsample_scores_before or []
        after = proposal.subsample_scores_after or []
        is_perfect = bool(before) and min(before) >= _PERFECT
        return bool(super().should_accept(proposal, state)) or (is_perfect and after == before)


@dataclass
class _Progress:
    """GEPA's events as trials; all of them come on its main thread, in a fixed order."""

    request: SearchRequest
    recorder: TrialRecorder
    student: PromptProgram
    proposals: int
    candidate: dict[str, str] = field(default_factory=dict)
    iterations: int = 0

    def is_done(self, state: Any) -> bool:
        return self.iterations >= self.proposals

    def on_iteration_start(self, event: Mapping[str, Any]) -> None:
        self.request.check()
        self.iterations += 1
        self.candidate = {}

    def on_proposal_end(self, event: Mapping[str, Any]) -> None:
        self.candidate = dict(event["new_instructions"])

    def on_evaluation_end(self, event: Mapping[str, Any]) -> None:
        """Report a candidate's own minibatch; its parent's comes before it, without an index."""
        if self.candidate and event["candidate_idx"] is None:
            scores = {str(place): score for place, score in enumerate(event["scores"])}
            self._record(self.candidate, scores, is_minibatch=True)

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        by_place = event["scores_by_val_id"]
        scores = {row.id: float(by_place[place]) for place, row in enumerate(self.request.dev)}
        self._record(event["candidate"], scores, is_minibatch=False)

    def on_error(self, event: Mapping[str, Any]) -> None:
        raise search_failure(event["exception"])

    def _record(
        self, candidate: Mapping[str, str], scores: Mapping[str, float], *, is_minibatch: bool
    ) -> None:
        program = self.student.deepcopy()
        signature = program.predict.signature
        program.predict.signature = signature.with_instructions(candidate[_COMPONENT])
        self.recorder.record(
            program.artifact(), scores, program_state(program), is_minibatch=is_minibatch
        )
