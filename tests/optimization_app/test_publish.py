from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from feedback_app.models import Example
from kaizen_engine.evaluate.comparison import Comparison, DevGain
from kaizen_engine.llm.meter import Spent
from kaizen_engine.optimize.outcome import JobOutcome, JobSpec, ReportedCases, Score
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import JobState, StopReason, Verdict
from llm_app.writer import LostLease
from optimization_app.config import JobConfig
from optimization_app.models import Job, Step
from optimization_app.services.prepare import Prepared
from optimization_app.services.publish import job_publish, outcome_close
from prompts_app.models import PromptVersion
from prompts_app.services.checks import measured
from prompts_app.services.gates import evidence_objections
from tests.factories.feedback import ExampleFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db

COMPARISON = Comparison(
    gain=0.2,
    low=0.1,
    high=0.3,
    p=0.001,
    n=60,
    units=60,
    discordant=14,
    fixed=13,
    broken=1,
    alpha=0.03,
    minimum_effect=0.02,
    method="mcnemar_tango",
    spread=0.4,
)


@pytest.fixture
def job(running_job: Job) -> Job:
    running_job.config = JobConfig.of_task(running_job.task, {}).to_json()
    running_job.save()
    return running_job


@pytest.fixture
def baseline(job: Job) -> PromptArtifact:
    return PromptArtifact.from_dict(job.seed_version.artifact)


@pytest.fixture
def looked_at(job: Job) -> Example:
    return ExampleFactory(task=job.task, split="test")


@pytest.fixture
def prepared(baseline: PromptArtifact, looked_at: Example) -> Prepared:
    return Prepared(JobSpec(baseline, (), "demo/demo"), "h" * 64, (looked_at.pk,))


@pytest.fixture
def outcome(baseline: PromptArtifact) -> JobOutcome:
    return JobOutcome(
        stop_reason=StopReason.FINISHED,
        stop_detail="",
        verdict=Verdict.CONFIRMED,
        baseline_hash=baseline.hash,
        winner=baseline.with_(system="Label the text with care."),
        dev_before=Score(0.5, 40),
        dev_after=Score(0.8, 40),
        test_before=Score(0.5, 60),
        test_after=Score(0.7, 60),
        comparison=COMPARISON,
        rows_needed=None,
        look=1,
        reported=ReportedCases(),
        fixed_ids=(),
        broken_ids=(),
        trials=(),
        evaluations=(),
        dspy_state={},
        spent=Spent(Decimal("0.5"), 1000, 100),
        seeds={"search": 1},
        versions={"dspy": "3"},
    )


def close(job: Job, prepared: Prepared, outcome: JobOutcome, **changes: Any) -> Job:
    outcome_close(job, job.fence, prepared, replace(outcome, **changes))
    return Job.objects.get(pk=job.pk)


def test_a_better_prompt_becomes_a_draft_with_its_evidence(
    job: Job, prepared: Prepared, outcome: JobOutcome, looked_at: Example
) -> None:
    ended = close(job, prepared, outcome)
    version = PromptVersion.objects.get(origin_job=job.public_id)
    assert (ended.state, ended.verdict, ended.progress) == ("succeeded", "confirmed", 100)
    assert ended.result_version == version
    assert version.evidence["artifact_hash"] == version.hash == outcome.winner.hash
    assert version.evidence["holdout"]["gain"] == 0.2
    assert list(version.parents.all()) == [job.seed_version]
    assert version.author_label == "system"
    gates = {gate.name: gate.outcome for gate in version.gates.all()}
    assert {name: gates.pop(name) for name in ("evidence", "evidence_hash", "variables")} == {
        "evidence": "pass",
        "evidence_hash": "pass",
        "variables": "pass",
    }
    assert "fail" not in gates.values()
    looked_at.refresh_from_db()
    assert looked_at.looks == 1


def test_what_is_likely_by_dev_says_so_and_counts_the_look_at_its_rows(
    job: Job, prepared: Prepared, outcome: JobOutcome, looked_at: Example
) -> None:
    rows = [ExampleFactory(task=job.task, split="dev") for _ in range(2)]
    dev_gain = DevGain(0.1, 0.01, 0.2, 0.15, 40, 10, 15, 0.0076, 0.02, 2632)
    close(
        job,
        prepared,
        outcome,
        verdict=Verdict.LIKELY,
        comparison=None,
        dev_gain=dev_gain,
        dev_look=2,
        dev_looked_ids=(str(rows[0].pk),),
        rows_needed=(60, 90),
    )
    version = PromptVersion.objects.get(origin_job=job.public_id)
    corrected = version.evidence["dev"]["corrected"]
    assert (corrected["low"], corrected["look"], corrected["n"]) == (0.01, 2, 40)
    assert version.evidence["rows_needed"] == [60, 90]
    assert version.evidence["holdout"] is None
    assert "+10.0 points on dev, corrected for choosing there" in version.change_reason
    looks = Example.objects.filter(task=job.task).order_by("pk").values_list("looks", flat=True)
    assert list(looks) == [0, 1, 0]


def test_the_second_of_two_publishers_changes_nothing(
    job: Job, prepared: Prepared, outcome: JobOutcome, looked_at: Example
) -> None:
    close(job, prepared, outcome)
    Job.objects.update(state=JobState.PUBLISHING.value)
    job_publish(job, job.fence)
    looked_at.refresh_from_db()
    assert PromptVersion.objects.filter(origin_job=job.public_id).count() == 1
    assert looked_at.looks == 1


def test_who_lost_the_job_publishes_nothing(
    job: Job, prepared: Prepared, outcome: JobOutcome
) -> None:
    Job.objects.update(fence=9)
    job.fence = 1
    assert close(job, prepared, outcome).state == JobState.RUNNING
    assert not Step.objects.exists()
    Step.objects.create(job=job, name="outcome", data={"artifact": None})
    with pytest.raises(LostLease):
        job_publish(job, 1)


@pytest.mark.parametrize("verdict", [Verdict.EQUAL, Verdict.WORSE, Verdict.NONE])
def test_a_prompt_that_is_not_better_makes_no_version(
    job: Job, prepared: Prepared, outcome: JobOutcome, verdict: Verdict
) -> None:
    ended = close(job, prepared, outcome, verdict=verdict)
    assert (ended.state, ended.verdict) == (JobState.SUCCEEDED, verdict)
    assert not PromptVersion.objects.filter(origin_job=job.public_id).exists()


@pytest.mark.parametrize(
    "reason",
    [
        StopReason.BUDGET_USD,
        StopReason.BUDGET_TOKENS,
        StopReason.TIMEOUT,
        StopReason.OVERFIT,
    ],
)
def test_a_cap_with_a_scored_best_ends_well(
    job: Job, prepared: Prepared, outcome: JobOutcome, reason: StopReason
) -> None:
    ended = close(
        job,
        prepared,
        outcome,
        stop_reason=reason,
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        comparison=None,
    )
    assert (ended.state, ended.stop_reason) == (JobState.SUCCEEDED, reason)
    gate = ended.result_version.gates.get(name="evidence")
    assert (gate.outcome, gate.figure) == ("fail", {"verdict": "not_enough_evidence"})


def test_a_cap_before_anything_was_scored_fails(
    job: Job, prepared: Prepared, outcome: JobOutcome
) -> None:
    ended = close(
        job,
        prepared,
        outcome,
        stop_reason=StopReason.BUDGET_USD,
        stop_detail="the next call might pass the cap",
        winner=None,
        verdict=Verdict.NONE,
        comparison=None,
    )
    assert (ended.state, ended.stop_reason) == (JobState.FAILED, StopReason.BUDGET_USD)
    assert ended.error == "the next call might pass the cap"


@pytest.mark.parametrize("reason", [StopReason.PROVIDER_DOWN, StopReason.ERROR])
def test_an_outage_fails_and_keeps_what_was_found(
    job: Job, prepared: Prepared, outcome: JobOutcome, reason: StopReason
) -> None:
    ended = close(job, prepared, outcome, stop_reason=reason, verdict=Verdict.NONE)
    assert (ended.state, ended.calls) == (JobState.FAILED, 100)
    assert ended.result["artifact"] == outcome.winner.to_dict()
    assert not PromptVersion.objects.filter(origin_job=job.public_id).exists()


def test_a_cancelled_job_keeps_its_best_and_drafts_nothing(
    job: Job, prepared: Prepared, outcome: JobOutcome
) -> None:
    ended = close(job, prepared, outcome, stop_reason=StopReason.CANCELLED)
    assert (ended.state, ended.verdict) == (JobState.CANCELLED, Verdict.NONE)
    assert ended.result["artifact"] == outcome.winner.to_dict()


def test_a_cancel_that_comes_before_publishing_wins(
    job: Job, prepared: Prepared, outcome: JobOutcome
) -> None:
    Job.objects.update(cancel_requested=True)
    assert close(job, prepared, outcome).state == JobState.CANCELLED
    assert not PromptVersion.objects.filter(origin_job=job.public_id).exists()


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        (True, {}),
        (False, {"stop_reason": StopReason.CANCELLED}),
        (False, {"stop_reason": StopReason.ERROR}),
        (False, {"verdict": Verdict.EQUAL}),
    ],
)
def test_a_look_counts_wherever_its_figures_are_stored(
    job: Job,
    prepared: Prepared,
    outcome: JobOutcome,
    looked_at: Example,
    asked: bool,
    changes: dict[str, Any],
) -> None:
    Job.objects.update(cancel_requested=asked)
    ended = close(job, prepared, outcome, **changes)
    looked_at.refresh_from_db()
    assert ended.result["evidence"]["holdout"]["gain"] == 0.2
    assert looked_at.looks == 1


def test_who_lost_the_job_and_a_job_that_compared_nothing_count_no_look(
    job: Job, prepared: Prepared, outcome: JobOutcome, looked_at: Example
) -> None:
    close(job, prepared, outcome, stop_reason=StopReason.ERROR, comparison=None)
    Job.objects.update(state=JobState.RUNNING.value, fence=9)
    close(job, prepared, outcome)
    looked_at.refresh_from_db()
    assert looked_at.looks == 0


def test_a_text_that_is_known_becomes_no_second_version(
    job: Job, prepared: Prepared, outcome: JobOutcome, baseline: PromptArtifact
) -> None:
    ended = close(job, prepared, outcome, winner=baseline)
    assert ended.result_version == job.seed_version
    assert not job.seed_version.gates.exists()


def test_what_a_later_job_finds_of_a_known_text_is_what_counts(
    job: Job, prepared: Prepared, outcome: JobOutcome
) -> None:
    known = PromptVersionFactory(
        task=job.task, parents=[job.seed_version], artifact=outcome.winner.to_dict()
    )
    ended = close(job, prepared, outcome)
    assert ended.result_version == known
    known.refresh_from_db()
    assert (known.verdict, known.evidence) == ("none", {})
    assert measured(known).verdict == "confirmed"
    assert evidence_objections(known, job.seed_version) == []
