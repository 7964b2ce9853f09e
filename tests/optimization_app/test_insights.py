"""Insights after a job: topics that live on, gaps that are filled by people, and changelogs."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from feedback_app.models import Example
from kaizen_engine.states import InsightState, JobState, Split, TopicLife
from llm_app.models import LedgerEntry
from optimization_app.models import Insight, Job, SuggestedExample
from optimization_app.services.analyse import job_analyse
from optimization_app.worker import sweep_insights
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory, StepFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db(transaction=True)

CARDS = [f"my new card has not arrived after {n} days" for n in range(3, 11)]
FEES = [f"why was a transfer fee of {n} euro charged" for n in range(3, 11)]


@pytest.fixture
def rows(task: Task) -> list[Example]:
    return [
        ExampleFactory(task=task, inputs={"text": text}, outputs={"label": label})
        for texts, label in ((CARDS, "arrival"), (FEES, "fee"))
        for text in texts
    ]


def ended(task: Task, version: PromptVersion, rows: list[Example], **changes: Any) -> Job:
    """Return a job that searched on these rows and answered `fee` to each."""
    facts = {"finished_at": timezone.now(), "budget_usd": Decimal(1)} | changes
    job = JobFactory(task=task, seed_version=version, succeeded=True, **facts)
    frozen = [[row.pk, row.split, row.is_deciding] for row in rows]
    StepFactory(job=job, name="prepared", data={"examples": frozen, "look": 1, "hash": "h"})
    for row in rows:
        if row.split == Split.DEV:
            is_right = row.outputs["label"] == "fee"
            EvaluationRowFactory(
                job=job, example=row, score=float(is_right), output={"label": "fee"}
            )
    return job


@pytest.fixture
def job(task: Task, live_version: PromptVersion, rows: list[Example]) -> Job:
    return ended(task, live_version, rows)


def mended(job: Job) -> None:
    job.evaluation_rows.update(score=1.0)


def test_a_job_leaves_a_failing_topic_with_what_can_be_counted_and_a_diagnosis(job: Job) -> None:
    found = job_analyse(job)
    worst = Insight.objects.order_by("-failures")[0]
    assert found.topics == Insight.objects.count()
    assert worst.life == TopicLife.NEW
    assert "card" in worst.name
    assert "“fee” is answered where “arrival” is right" in worst.finding
    assert "demo" in worst.analyst
    assert worst.suggested_action.startswith("Add examples of “arrival”")


def test_rows_of_the_hold_out_are_in_no_insight(
    task: Task, live_version: PromptVersion, rows: list[Example]
) -> None:
    hidden = ExampleFactory(task=task, inputs={"text": "zebra zebra"}, split=Split.TEST.value)
    job_analyse(ended(task, live_version, [*rows, hidden]))
    members = [group for insight in Insight.objects.all() for group in insight.members]
    assert hidden.group not in members
    assert len(members) == len(rows)


def test_the_next_job_goes_on_with_the_same_topics_and_sees_them_mended(
    task: Task, live_version: PromptVersion, rows: list[Example], job: Job
) -> None:
    job_analyse(job)
    before = set(Insight.objects.values_list("pk", flat=True))
    later = ended(task, live_version, rows)
    mended(later)
    job_analyse(later)
    assert set(Insight.objects.values_list("pk", flat=True)) == before
    worst = Insight.objects.get(pk=min(before))
    assert worst.life == TopicLife.FIXED
    assert [point.failures > 0 for point in worst.sightings.all()] == [True, False]


def test_a_topic_that_fails_again_has_regressed_and_is_open_again(
    task: Task,
    live_version: PromptVersion,
    rows: list[Example],
    job: Job,
) -> None:
    job_analyse(job)
    worst = Insight.objects.order_by("-failures")[0]
    later = ended(task, live_version, rows)
    mended(later)
    job_analyse(later)
    Insight.objects.filter(pk=worst.pk).update(state=InsightState.APPLIED.value)
    job_analyse(ended(task, live_version, rows))
    worst.refresh_from_db()
    assert (worst.life, worst.state) == (TopicLife.REGRESSED, InsightState.OPEN)


def test_working_it_out_twice_changes_nothing_and_pays_nothing(job: Job) -> None:
    job_analyse(job)
    before = list(Insight.objects.values()), LedgerEntry.objects.count()
    job.refresh_from_db()
    assert job_analyse(job).topics == 0
    assert (list(Insight.objects.values()), LedgerEntry.objects.count()) == before


def test_an_analyst_without_budget_costs_the_words_and_nothing_else(job: Job) -> None:
    job.spent_usd = job.budget_usd
    job.save()
    found = job_analyse(job)
    assert found.diagnosed == 0
    assert found.silence
    assert found.topics == Insight.objects.count() > 0
    assert not LedgerEntry.objects.exists()


def test_a_gap_is_filled_from_feedback_first_and_then_by_the_teacher(task: Task, job: Job) -> None:
    asked = FeedbackFactory(
        task=task, inputs={"text": "where is my new card that has not arrived"}, bad=True
    )
    job_analyse(job)
    suggestions = SuggestedExample.objects.filter(insight__failures__gt=1)
    assert asked.pk in set(suggestions.values_list("feedback", flat=True))
    written = suggestions.filter(feedback=None)
    assert written.exists()
    assert all(one.writer and one.outputs == {"label": "arrival"} for one in written)


def test_after_three_useless_answers_gap_fill_asks_the_teacher_no_more(
    task: Task, live_version: PromptVersion, rows: list[Example]
) -> None:
    for _ in range(3):
        job = ended(task, live_version, rows, budget_usd=Decimal("0.0002"))
        job_analyse(job)
    job = ended(task, live_version, rows)
    found = job_analyse(job)
    assert any("gapfill" in reason for reason in found.silence)


def test_the_draft_gets_a_changelog_that_names_its_writer(job: Job, task: Task) -> None:
    draft = PromptVersionFactory(task=task, system="Label the text with great care.")
    Job.objects.filter(pk=job.pk).update(result_version=draft)
    job.refresh_from_db()
    assert job_analyse(job).changelog
    assert "demo" in draft.change_note.writer
    assert "words added" in draft.change_note.text


def test_the_command_prints_what_it_found(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    slug = job.task.project.slug
    call_command("insights", str(job.public_id), "--project", slug, "--json")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["topics"] == Insight.objects.count()


def test_a_sweep_sends_for_jobs_whose_insights_were_lost(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(minutes=5))
    assert sweep_insights() == 1
    job_analyse(job)
    assert sweep_insights() == 0
    assert Job.objects.get(pk=job.pk).state == JobState.SUCCEEDED
