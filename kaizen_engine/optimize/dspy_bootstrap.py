"""Strategy `bootstrap`: random search over sets of demonstrations.

DSPy's BootstrapFewShotWithRandomSearch with our split, renderer and gateway. Candidates are drawn
without looking at dev, which alone scores them.
"""

from dspy.teleprompt import BootstrapFewShotWithRandomSearch

from kaizen_engine.optimize.dspy_program import BoundedTeacher, PromptProgram
from kaizen_engine.optimize.dspy_search import (
    NEVER,
    Models,
    TrialRecorder,
    dspy_examples,
    dspy_metric,
    searching,
    shuffled,
)
from kaizen_engine.optimize.settings import BootstrapSettings
from kaizen_engine.optimize.strategy import OnTrial, SearchReport, SearchRequest


def search(request: SearchRequest, on_trial: OnTrial) -> SearchReport:
    """Score candidates on dev, reporting each. Raises JobAbort, once no call is under way."""
    with searching(request, TrialRecorder(request, on_trial)) as models:
        compile_demos(request, PromptProgram.from_artifact(request.artifact), models)
    return SearchReport()


def compile_demos(request: SearchRequest, student: PromptProgram, models: Models) -> None:
    """Run the random search; the recorder of the block around it hears of every candidate."""
    settings = BootstrapSettings.of(request.settings)
    attempts = settings.attempts(len(request.train), len(request.dev))
    optimizer = BootstrapFewShotWithRandomSearch(
        metric=dspy_metric(request, student.adapter),
        metric_threshold=settings.good_score,
        teacher_settings={"lm": models.teacher},
        max_bootstrapped_demos=min(settings.max_bootstrapped_demos, settings.max_demos),
        max_labeled_demos=settings.max_demos,
        num_candidate_programs=settings.num_trials,
        num_threads=request.threads,
        max_errors=NEVER,
    )
    optimizer.compile(
        student,
        teacher=BoundedTeacher(request.artifact, attempts),
        trainset=dspy_examples(student.adapter, shuffled(request.train, request.seed)),
        valset=dspy_examples(student.adapter, request.dev),
    )
