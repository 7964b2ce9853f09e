"""Home says what waits for a member, whether quality rises and what it costs, in few queries."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from kaizen_engine.states import GateBasis, JobState, PullRequestState, Verdict
from kaizen_site.health import BEAT
from optimization_app.models import Job
from projects_app.models import Project, User
from projects_app.services.first_steps import checklist_hide
from prompts_app.models import GateResult, PromptVersion
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.factories.feedback import TaskCounterFactory
from tests.factories.insights import InsightFactory, SuggestedExampleFactory
from tests.factories.llm import LedgerEntryFactory
from tests.factories.optimization import JobFactory
from tests.factories.projects import ApiKeyFactory
from tests.factories.prompts import (
    GateResultFactory,
    PromptVersionFactory,
    PullRequestFactory,
    TagFactory,
)
from tests.factories.tasks import TaskFactory

HOME = "/p/support/"


@pytest.fixture
def task(project: Project) -> Task:
    return TaskFactory(project=project, slug="route", name="Route mail")


@pytest.fixture
def first(task: Task, system_actor) -> PromptVersion:
    version = PromptVersionFactory(task=task)
    version_promote(actor=system_actor, task=task, version=version, basis=GateBasis.IMPORT)
    return version


def draft(first: PromptVersion, before: float = 0.5, after: float = 0.8) -> PromptVersion:
    means = {"before": {"mean": before}, "after": {"mean": after}}
    verdict = Verdict.CONFIRMED.value
    return PromptVersionFactory(task=first.task, verdict=verdict, evidence={"holdout": means})


def home(client: Client, user: User):
    client.force_login(user)
    return client.get(HOME)


def needs(client: Client, user: User) -> list[tuple[str, str]]:
    found = home(client, user).context["home"].needs
    return [(need.kind, need.note) for need in found]


def test_a_draft_waits_with_its_score_and_leads_to_the_comparison(
    client: Client, approver: User, first: PromptVersion
) -> None:
    draft(first)
    page = home(client, approver).content.decode()
    assert "/p/support/prompts/route/compare/1/2/" in page
    assert "50.0% to 80.0%, confirmed." in page
    assert ">Review<" in page


def test_what_is_proven_stands_before_what_is_newer(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    draft(first)
    PromptVersionFactory(task=first.task)
    assert [note for _, note in needs(client, viewer)] == [
        "50.0% to 80.0%, confirmed.",
        "Not measured yet.",
    ]


def test_what_was_decided_or_is_older_than_the_live_one_waits_for_nobody(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    PromptVersionFactory(task=first.task, rejected=True)
    PromptVersionFactory(task=first.task)
    newest = PromptVersionFactory(task=first.task)
    first.task.tags.update(version=newest)
    assert needs(client, viewer) == []


def test_a_failed_job_waits_until_a_later_one_or_a_week_has_passed(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    now, failed = timezone.now(), JobState.FAILED.value
    job = JobFactory(seed_version=first, state=failed, error="it broke", finished_at=now)
    assert needs(client, viewer) == [("Job failed", "Failed: it broke")]
    Job.objects.filter(pk=job.pk).update(finished_at=now - timedelta(days=8))
    assert needs(client, viewer) == []
    Job.objects.filter(pk=job.pk).update(finished_at=now)
    JobFactory(seed_version=first, succeeded=True)
    assert needs(client, viewer) == []


def test_pull_requests_suggestions_and_judges_without_a_passport_wait(
    client: Client, editor: User, first: PromptVersion
) -> None:
    PullRequestFactory(version=first, state=PullRequestState.AWAITING_MERGE.value)
    SuggestedExampleFactory(insight=InsightFactory(task=first.task))
    spec = {"kind": "rubric", "rubric": "A good answer names the desk.", "model": "own/judge"}
    Task.objects.filter(pk=first.task_id).update(evaluator=spec)
    kinds = [kind for kind, _ in needs(client, editor)]
    assert kinds == ["Pull request", "Suggested examples", "Judge"]


def test_a_key_that_ends_soon_is_for_admins_to_renew(
    client: Client, approver: User, admin_member: User, project: Project
) -> None:
    TaskFactory(project=project)
    used = {"project": project, "last_used_at": timezone.now()}
    ApiKeyFactory(expires_at=timezone.now() + timedelta(days=3, hours=1), **used)
    ApiKeyFactory(expires_at=timezone.now() + timedelta(days=90), **used)
    assert needs(client, approver) == []
    assert needs(client, admin_member) == [("API key", "It ends in 3 days.")]


def test_the_strip_marks_each_promotion_of_thirty_days(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    better = draft(first, before=0.5, after=0.8)
    GateResultFactory(promotion=True, version=better, replaced=first)
    first.task.tags.update(version=better)
    start = timezone.now() - timedelta(days=10)
    GateResult.objects.filter(version=first, name="promotion").update(created_at=start)
    line = home(client, viewer).context["home"].prompts[0]
    assert (round(line.strip.score, 3), round(line.strip.gain, 3)) == (0.8, 0.3)
    assert len(line.strip.marks) == 2
    assert "version 1 live since" in line.strip.said
    assert line.strip.said.endswith("80.0%")


def test_a_prompt_without_a_score_says_so(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    assert "Not measured yet" in home(client, viewer).content.decode()


def test_feedback_to_the_next_job_and_spending_are_told(
    client: Client, viewer: User, task: Task, project: Project
) -> None:
    TaskCounterFactory(task=task, unconsumed=38)
    LedgerEntryFactory(project=project, cost_usd=Decimal("1.5"))
    Project.objects.filter(pk=project.pk).update(daily_budget_usd=Decimal(6))
    page = home(client, viewer).content.decode()
    assert "38 of 50 to the next job" in page
    assert "$4.50 left of today's budget of $6.00." in page


def test_a_worker_that_is_away_is_told_with_the_command_that_starts_one(
    client: Client, viewer: User, task: Task
) -> None:
    Schedule.objects.filter(func=BEAT).update(next_run=timezone.now() - timedelta(hours=1))
    assert "<code>make work</code>" in home(client, viewer).content.decode()
    Schedule.objects.filter(func=BEAT).update(next_run=timezone.now() + timedelta(seconds=30))
    assert "make work" not in home(client, viewer).content.decode()


def test_jobs_under_way_are_polled_until_none_is_left(
    client: Client, viewer: User, first: PromptVersion
) -> None:
    job = JobFactory(seed_version=first, running=True, progress=40)
    assert 'hx-trigger="every 3s"' in home(client, viewer).content.decode()
    assert client.get(f"{HOME}under-way/").status_code == 200
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED.value)
    assert client.get(f"{HOME}under-way/").status_code == 286
    assert "hx-trigger" not in home(client, viewer).content.decode()


def test_it_takes_as_many_queries_however_much_there_is(
    client: Client,
    viewer: User,
    first: PromptVersion,
    project: Project,
    django_assert_max_num_queries,
) -> None:
    for number in range(12):
        task = TaskFactory(project=project, slug=f"task-{number}")
        live = PromptVersionFactory(task=task)
        TagFactory(version=live)
        draft(live)
        JobFactory(seed_version=live, running=True)
        ApiKeyFactory(project=project)
    home(client, viewer)
    with django_assert_max_num_queries(32):
        assert client.get(HOME).status_code == 200


def test_only_members_see_it(client: Client, outsider: User, project: Project) -> None:
    assert client.get(HOME)["Location"] == f"/login/?next={HOME}"
    assert home(client, outsider).status_code == 404


def test_hostile_names_are_inert(client: Client, viewer: User, first: PromptVersion) -> None:
    evil = "<script>alert(1)</script>\u202e" + "x" * 150
    Project.objects.update(name=evil)
    Task.objects.update(name=evil)
    JobFactory(seed_version=first, state=JobState.FAILED.value, error=evil * 100)
    page = home(client, viewer).content.decode()
    assert "<script>alert" not in page
    assert "x" * 200 not in page


def test_the_first_steps_stay_until_hidden(
    client: Client, viewer: User, task: Task, editor_actor, project: Project
) -> None:
    assert "First steps: 1 of 6 done" in home(client, viewer).content.decode()
    checklist_hide(actor=editor_actor, project=project)
    assert "First steps" not in home(client, viewer).content.decode()
