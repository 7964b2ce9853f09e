"""What a running job writes for others to follow: a trial knows what it cost."""

from decimal import Decimal

import pytest

from kaizen_engine.llm.meter import Spent
from kaizen_engine.optimize.outcome import EvaluationEvent
from kaizen_engine.optimize.strategy import TrialEvent
from kaizen_engine.prompts.artifact import PromptArtifact
from optimization_app.recorder import JobRecorder
from tests.factories.optimization import JobFactory

pytestmark = pytest.mark.django_db


class AtOnce:
    """A writer without a thread."""

    def call(self, run, *, guarded):
        assert guarded
        return run()


class Purse:
    def __init__(self):
        self.usd = Decimal(0)

    def __call__(self):
        return Spent(usd=self.usd)


@pytest.fixture
def job():
    return JobFactory(running=True)


def trial(job, number):
    artifact = PromptArtifact.from_dict(job.seed_version.artifact)
    return TrialEvent(number, artifact, 40, 0.5, is_full=True, is_best=False)


def test_a_trial_costs_what_was_spent_since_the_figure_before_it(job):
    purse = Purse()
    recorder = JobRecorder(job, AtOnce(), trials=2, spent=purse)
    purse.usd = Decimal("0.10")
    recorder.evaluation(EvaluationEvent("baseline_dev", job.seed_version.hash, ()))
    purse.usd = Decimal("0.25")
    recorder.trial(trial(job, 1))
    recorder.trial(trial(job, 2))
    assert list(job.trials.values_list("cost_usd", flat=True)) == [Decimal("0.15"), Decimal(0)]


def test_an_attempt_that_replays_leaves_the_cost_of_the_first(job):
    purse = Purse()
    first = JobRecorder(job, AtOnce(), trials=2, spent=purse)
    purse.usd = Decimal("0.25")
    first.trial(trial(job, 1))
    again = JobRecorder(job, AtOnce(), trials=2, spent=purse)
    again.trial(trial(job, 1))
    assert job.trials.get().cost_usd == Decimal("0.25")
