"""Half and 80 % of a budget are told once each, also across restarts of the worker."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from kaizen_engine.clock import SystemClock
from kaizen_engine.llm.meter import Budget, Meter, Spent
from optimization_app.models import BudgetEvent, Job
from optimization_app.pulse import Pulse
from optimization_app.services.budget_events import BudgetWatch, share_used
from optimization_app.signals import budget_used
from projects_app.models import AuditEntry, User
from tests.factories.optimization import JobFactory


def spent(usd: str, tokens: int = 0) -> Spent:
    return Spent(Decimal(usd), tokens, 1)


def told() -> list[int]:
    return list(BudgetEvent.objects.values_list("percent", flat=True))


@pytest.mark.django_db
def test_each_line_is_told_once_and_again_by_no_later_attempt(
    running_job: Job, django_capture_on_commit_callbacks
) -> None:
    Job.objects.update(budget_usd=Decimal(1))
    running_job.refresh_from_db()
    heard: list[int] = []

    def hear(percent: int, **_: object) -> None:
        heard.append(percent)

    budget_used.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            for usd in ("0.1", "0.499", "0.5", "0.79", "0.8", "0.99"):
                BudgetWatch(running_job).look(spent(usd))
    finally:
        budget_used.disconnect(hear)
    assert told() == heard == [50, 80]
    assert BudgetEvent.objects.get(percent=50).spent_usd == Decimal("0.5")
    audited = AuditEntry.objects.filter(action="kaizen.job.budget_used")
    assert sorted(entry.data["percent"] for entry in audited) == [50, 80]


@pytest.mark.django_db
def test_a_watch_that_starts_late_tells_both(running_job: Job) -> None:
    BudgetWatch(running_job).look(spent(str(running_job.budget_usd)))
    assert told() == [50, 80]


@pytest.mark.parametrize(
    ("budget_usd", "budget_tokens", "share"),
    [(Decimal(2), None, "0.5"), (Decimal(100), 1000, "0.9"), (Decimal(0), None, "0")],
)
def test_the_cap_that_is_nearer_counts(
    budget_usd: Decimal, budget_tokens: int | None, share: str
) -> None:
    job = Job(budget_usd=budget_usd, budget_tokens=budget_tokens)
    assert share_used(job, spent("1", 900)) == Decimal(share)


def test_the_pulse_tells_what_a_short_job_spent_at_its_end(live_database: str) -> None:
    job = JobFactory(running=True, budget_usd=Decimal(1))
    meter = Meter(Budget(), Spent(), SystemClock())
    with Pulse(job.pk, job.fence, meter, BudgetWatch(job).look):
        meter.settle(meter.reserve(Decimal("0.7"), 1), Decimal("0.6"), 1)
    assert told() == [50]


@pytest.mark.django_db
def test_the_job_page_shows_them(running_job: Job, viewer: User) -> None:
    BudgetWatch(running_job).look(spent("2.6"))
    client = Client()
    client.force_login(viewer)
    place = {"project": running_job.task.project.slug, "job_id": running_job.public_id}
    page = client.get(reverse("jobs:job", kwargs=place)).content.decode()
    assert "50 % of the budget was used" in page
    assert "80 %" not in page
