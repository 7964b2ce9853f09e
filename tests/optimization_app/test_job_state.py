"""What the page of a job says while it runs and once it ended: the sentence, what holds it up,
what was kept, what to do next."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from kaizen_engine.states import JobState, StopReason, Verdict
from llm_app.gateways import breaker_key
from llm_app.models import BreakerState
from optimization_app.job_state import live_warnings, state_sentence, time_left, trials_planned
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.services.audit import audit_record
from tests.factories.insights import InsightFactory, InsightSightingFactory
from tests.factories.optimization import JobFactory, TrialFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db

ESTIMATE = {
    "calls": [900, 1700],
    "tokens": [210_000, 400_000],
    "usd": ["0.0912", "0.1770"],
    "rows": {"train": 40, "dev": 120, "test": 0},
}


@pytest.fixture
def searching(task, live_version):
    return JobFactory(
        seed_version=live_version,
        running=True,
        phase="search",
        progress=50,
        estimate=ESTIMATE,
        config={"student": task.student},
        started_at=timezone.now() - timedelta(minutes=4),
    )


def shown(client, user, job, name="job", **query):
    client.force_login(user)
    project = job.task.project.slug
    place = reverse(f"jobs:{name}", kwargs={"project": project, "job_id": job.public_id})
    return client.get(place, query)


def text(client, user, job):
    return shown(client, user, job).content.decode()


def test_a_search_says_its_trial_its_best_and_the_time_left(client, viewer, searching):
    Job.objects.update(current_best_metric=0.815)
    TrialFactory(job=searching, number=8)
    page = text(client, viewer, searching)
    assert f"Trial 8 of {trials_planned(searching)}, best 81.5%." in page
    assert "about 4 min left" in page


def test_more_trials_than_planned_and_a_stop_that_was_asked_for_are_said(searching):
    searching.cancel_requested = True
    trial = TrialFactory(job=searching, number=400)
    assert state_sentence(searching, [trial]) == "Trial 400; it was asked to stop."


def test_nothing_is_said_of_the_time_before_there_is_something_to_go_by(searching):
    searching.progress = 5
    assert time_left(searching) == ""
    searching.progress, searching.deadline_at = 50, timezone.now() + timedelta(seconds=30)
    assert time_left(searching) == "less than a minute left"


def test_before_the_first_trial_the_plan_and_its_cost_are_shown(client, viewer, searching):
    page = text(client, viewer, searching)
    assert "The plan" in page
    assert "$0.091 to $0.18" in page
    assert "40 train, 120 dev" in page


def test_what_holds_a_live_job_up_is_said_with_its_remedy(searching):
    assert live_warnings(searching) == []
    connection = searching.task.student_connection
    BreakerState.objects.create(
        key=breaker_key(connection), state="open", failures=3, opened_at=timezone.now()
    )
    assert f"Calls to {connection.slug} failed 3 times" in live_warnings(searching)[0]
    searching.lease_until = timezone.now() - timedelta(seconds=1)
    assert "gone silent" in live_warnings(searching)[0]


def test_a_job_that_waits_for_long_names_the_command_that_starts_a_worker(queued_job):
    assert live_warnings(queued_job) == []
    queued_job.created_at -= timedelta(minutes=2)
    assert "manage.py work" in live_warnings(queued_job)[0]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (StopReason.BUDGET_USD, "Raise the budget"),
        (StopReason.TIMEOUT, "Allow more minutes"),
        (StopReason.PROVIDER_DOWN, "Test the connection"),
        (StopReason.WORKER_LOST, "See that a worker runs"),
    ],
)
def test_an_error_says_what_was_kept_and_the_next_step(client, viewer, searching, reason, advice):
    TrialFactory(job=searching, number=1)
    Job.objects.update(
        state=JobState.FAILED.value, stop_reason=reason.value, error="No answer came."
    )
    page = text(client, viewer, searching)
    assert "Failed: No answer came." in page
    assert "Kept: 1 trial." in page
    assert "free for the next job" in page
    assert advice in page


def test_a_job_that_ended_as_planned_has_no_trouble(client, viewer, searching):
    Job.objects.update(state=JobState.SUCCEEDED.value, stop_reason=StopReason.FINISHED.value)
    assert "Next:" not in text(client, viewer, searching)


def test_a_poll_that_finds_nothing_new_sends_nothing(client, viewer, searching):
    mark = shown(client, viewer, searching).context["view"].mark
    assert shown(client, viewer, searching, "fragment", seen=mark).status_code == 204
    Job.objects.update(calls=7)
    assert shown(client, viewer, searching, "fragment", seen=mark).status_code == 200
    Job.objects.update(state=JobState.SUCCEEDED.value)
    assert shown(client, viewer, searching, "fragment", seen=mark).status_code == 286


def test_the_log_tells_who_did_what(client, viewer, searching, editor_actor):
    system = Actor.system(searching.task.project_id)
    audit_record(actor=system, action="kaizen.job.claimed", subject=searching, attempt=2)
    audit_record(
        actor=editor_actor, action="kaizen.job.cancel_requested", subject=searching, reason="<b>"
    )
    page = text(client, viewer, searching)
    assert "A worker took it, attempt 2." in page
    assert "It was asked to stop. &lt;b&gt;" in page
    assert "user:editor" in page


def test_a_trial_shows_score_rows_cost_and_change(client, viewer, searching):
    TrialFactory(
        job=searching, number=1, score=0.5251, cost_usd=Decimal("0.0123"), change_reason="<i>4 more"
    )
    page = text(client, viewer, searching)
    for said in ("52.5%", "$0.012", "&lt;i&gt;4 more", 'id="curve-data"'):
        assert said in page


def test_an_ended_job_says_what_it_learned(client, viewer, searching, live_version):
    draft = PromptVersionFactory(
        task=searching.task, parents=[live_version], change_reason="4 demonstrations added"
    )
    Job.objects.update(
        state=JobState.SUCCEEDED.value,
        verdict=Verdict.LIKELY.value,
        result_version=draft,
        analysed_at=timezone.now(),
    )
    topic = InsightFactory(task=searching.task, name="refund, card", failures=4)
    InsightSightingFactory(insight=topic, job=searching.public_id)
    page = text(client, viewer, searching)
    assert "4 demonstrations added" in page
    assert "refund, card" in page


def test_a_poll_takes_a_bounded_number_of_queries(
    client, viewer, searching, django_assert_max_num_queries
):
    for number in range(1, 16):
        TrialFactory(job=searching, number=number)
    client.force_login(viewer)
    with django_assert_max_num_queries(20):
        shown(client, viewer, searching, "fragment")
