"""Strategy `miprov2`: instructions and demonstrations together, by Bayesian search.

DSPy's MIPROv2 with our split, renderer, proposer and gateway. On large dev sets its trials see a
minibatch each; such a mean only nominates finalists, and every finalist is scored on all rows, as
the plain prompt it exports, before one is chosen. Proposals never see dev.
"""

import warnings
from typing import Any

from dspy.teleprompt import MIPROv2

from kaizen_engine.optimize.dspy_program import BoundedTeacher, PromptProgram
from kaizen_engine.optimize.dspy_proposer import PromptProposer, Sieve, sieve_for
from kaizen_engine.optimize.dspy_search import (
    NEVER,
    Models,
    TrialRecorder,
    dspy_examples,
    dspy_metric,
    score_rows,
    scores_of,
    searching,
    shuffled,
)
from kaizen_engine.optimize.settings import MiproSettings
from kaizen_engine.optimize.strategy import OnTrial, SearchReport, SearchRequest

_EXAMPLES_IN_PROPOSALS = 3


def search(request: SearchRequest, on_trial: OnTrial) -> SearchReport:
    """Score combinations on dev, reporting each. Raises JobAbort, once no call is under way."""
    plan = MiproSettings.of(request.settings, train=len(request.train), dev=len(request.dev))
    sieve = sieve_for(request)
    recorder = TrialRecorder(request, on_trial)
    with searching(request, recorder) as models:
        _compile(request, plan, models, sieve)
    for trial in recorder.board.finalists(plan.finalists):
        scores = scores_of(score_rows(request, trial.artifact, request.dev))
        recorder.record(trial.artifact, scores, trial.provenance)
    return sieve.report()


def _compile(request: SearchRequest, plan: MiproSettings, models: Models, sieve: Sieve) -> None:
    student = PromptProgram.from_artifact(request.artifact)
    attempts = plan.demos.attempts(len(request.train), len(request.dev))
    optimizer = _SievedMipro(
        sieve,
        plan.rows_shown,
        metric=dspy_metric(request, student.adapter),
        metric_threshold=plan.demos.good_score,
        prompt_model=models.author,
        task_model=models.student,
        teacher_settings={"lm": models.teacher},
        max_bootstrapped_demos=min(plan.demos.max_bootstrapped_demos, plan.demos.max_demos),
        max_labeled_demos=plan.demos.max_demos,
        auto=None,
        num_candidates=plan.candidates,
        num_threads=request.threads,
        max_errors=NEVER,
        # Here and not in compile(), which takes a seed of 0 for none.
        seed=request.seed,
        track_stats=False,
    )
    with warnings.catch_warnings():
        # optuna calls the sampler that DSPy chose experimental, once a run.
        warnings.simplefilter("ignore")
        optimizer.compile(
            student,
            teacher=BoundedTeacher(request.artifact, attempts),
            trainset=dspy_examples(student.adapter, shuffled(request.train, request.seed)),
            valset=dspy_examples(student.adapter, request.dev),
            num_trials=plan.trials,
            minibatch=plan.minibatch is not None,
            minibatch_size=plan.minibatch or len(request.dev),
            minibatch_full_eval_steps=plan.full_every,
        )


class _SievedMipro(MIPROv2):  # type: ignore[misc]
    """MIPROv2 with our proposer, and without its crash when there is nothing new to evaluate."""

    def __init__(self, sieve: Sieve, rows_shown: int, **options: Any) -> None:
        super().__init__(**options)
        self._sieve = sieve
        self._rows_shown = rows_shown

    def _propose_instructions(
        self,
        program: PromptProgram,
        trainset: list[Any],
        demo_candidates: Any,
        *_: Any,
        num_instruct_candidates: int,
    ) -> dict[int, list[str]]:
        """Return the seed's instruction and what is left of the proposals, all of them paid for."""
        proposer = PromptProposer(
            self._sieve.rules.artifact,
            trainset,
            prompt_model=self.prompt_model,
            program=program,
            view_data_batch_size=self._rows_shown,
            num_demos_in_context=_EXAMPLES_IN_PROPOSALS,
            rng=self.rng,
            init_temperature=self.init_temperature,
        )
        proposed = proposer.propose_instructions_for_program(
            trainset=trainset,
            program=program,
            demo_candidates=demo_candidates,
            N=num_instruct_candidates,
            trial_logs={},
        )
        for text in proposed[0]:
            self._sieve.add(text)
        return {0: [program.predict.signature.instructions, *self._sieve.kept]}

    def _perform_full_evaluation(self, *args: Any) -> Any:
        scored, in_full = args[2], args[3]
        if scored.keys() <= in_full.keys():
            best_score, best_program, calls = args[9], args[10], args[7]
            return best_score, best_program, calls
        return super()._perform_full_evaluation(*args)
