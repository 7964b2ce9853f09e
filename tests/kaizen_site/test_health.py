from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from optimization_app.models import Job
from tests.factories.optimization import JobFactory

LONG_AGO = timedelta(days=1)


def worker(client: Client) -> str:
    answer = client.get("/health")
    assert answer.status_code == 200
    return answer.json()["parts"]["worker"]


@pytest.mark.django_db
def test_a_well_site_says_so_without_a_key_in_few_queries(
    client: Client, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(3):
        answer = client.get("/health")
    assert answer.json() == {"status": "ok", "parts": {"database": "ok", "worker": "idle"}}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_a_silent_database_makes_the_site_ill(client: Client) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("away")

    with connection.execute_wrapper(refuse):
        answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": "unavailable", "worker": "unknown"}


@pytest.mark.django_db
def test_a_job_with_a_live_lease_shows_a_working_worker(client: Client) -> None:
    JobFactory(running=True)
    waiting = JobFactory()
    Job.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - LONG_AGO)
    assert worker(client) == "working"


@pytest.mark.django_db
def test_a_job_that_nobody_takes_shows_a_late_worker(client: Client) -> None:
    job = JobFactory()
    assert worker(client) == "idle"
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - LONG_AGO)
    assert worker(client) == "late"


@pytest.mark.django_db
def test_a_lost_lease_shows_a_late_worker_once_the_reaper_had_its_time(client: Client) -> None:
    job = JobFactory(stale=True)
    assert worker(client) == "idle"
    overdue = timezone.now() - timedelta(seconds=10 * settings.CONFIG.reaper_period_s)
    Job.objects.filter(pk=job.pk).update(lease_until=overdue)
    assert worker(client) == "late"


def test_health_is_only_read(client: Client) -> None:
    assert client.post("/health").status_code == 405
