"""Which client got which version: noted on the hot path, written beside it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from projects_app.models import ApiKey
from prompts_app.live_cache import LivePrompt
from prompts_app.models import ClientSighting
from prompts_app.services.sightings import Sighting, sightings_store
from prompts_app.sightings import SightingBook, book
from tests.factories.projects import ApiKeyFactory, key_text
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/tasks/triage/prompt"


@pytest.fixture(autouse=True)
def _empty_book():
    book.forget()
    yield
    book.forget()


@pytest.fixture
def key(project):
    return ApiKeyFactory(project=project)


def seen(key, version, *, ago=0, tag="production"):
    at = timezone.now() - timedelta(seconds=ago)
    return Sighting(key.pk, version.task_id, tag, version.pk, at)


def test_a_client_that_gets_the_prompt_is_seen_with_its_version(client_with, key, live):
    client_with(key_text(key)).get(URL)
    assert book.write() == 1
    row = ClientSighting.objects.get()
    assert (row.api_key, row.version, row.task, row.tag) == (key, live, live.task, "production")


def test_a_client_that_has_it_already_is_seen_as_well(client_with, key, live):
    client = client_with(key_text(key))
    etag = client.get(URL)["ETag"]
    book.forget()
    assert client.get(URL, headers={"If-None-Match": etag}).status_code == 304
    assert book.write() == 1


def test_the_door_itself_writes_nothing(client_with, key, live, django_assert_num_queries):
    client = client_with(key_text(key))
    client.get(URL)
    book.forget()
    with django_assert_num_queries(0):
        client.get(URL)
    assert not ClientSighting.objects.exists()


def test_a_refused_request_is_no_sighting(client_with, key, project):
    assert client_with(key_text(key)).get("/api/v1/tasks/nowhere/prompt").status_code == 404
    assert book.write() == 0


def test_a_key_is_noted_once_a_minute_and_at_once_for_another_version():
    now = [0.0]
    stored = []
    noted = SightingBook(store=lambda batch: stored.extend(batch) or 0, clock=lambda: now[0])
    old, new = (LivePrompt('"1"', b"", task_id=1, version_id=number) for number in (1, 2))
    for at, prompt in ((0, old), (59, old), (59.5, new), (60, new), (119.6, new)):
        now[0] = at
        noted.note(7, prompt, "production")
        noted.write()
    assert [one.version_id for one in stored] == [1, 2, 2]


def test_what_cannot_be_written_waits_for_the_next_time():
    answers = [OperationalError("database is locked"), 1]

    def store(batch):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return len(list(batch))

    noted = SightingBook(store=store)
    noted.note(7, LivePrompt('"1"', b"", task_id=1, version_id=1), "production")
    assert noted.write() == 0
    assert noted.write() == 1


def test_a_key_that_is_gone_does_not_hold_up_the_others():
    kept = []

    def store(batch):
        batch = list(batch)
        if any(one.api_key_id == 8 for one in batch):
            raise IntegrityError("FOREIGN KEY constraint failed")
        kept.extend(batch)
        return len(batch)

    noted = SightingBook(store=store)
    for key_id in (7, 8, 9):
        noted.note(key_id, LivePrompt('"1"', b"", task_id=1, version_id=1), "production")
    assert noted.write() == 2
    assert noted.write() == 0
    assert [one.api_key_id for one in kept] == [7, 9]


def test_a_row_is_written_again_when_it_is_a_minute_old(key, live):
    assert sightings_store([seen(key, live, ago=61)]) == 1
    assert sightings_store([seen(key, live, ago=10)]) == 0
    assert sightings_store([seen(key, live)]) == 1
    assert ClientSighting.objects.count() == 1


def test_of_two_processes_the_one_that_saw_the_key_later_stays(key, live):
    newer = PromptVersionFactory(task=live.task)
    assert sightings_store([seen(key, newer)]) == 1
    assert sightings_store([seen(key, live, ago=5)]) == 0
    assert ClientSighting.objects.get().version == newer


def test_each_key_and_each_tag_has_a_row_of_its_own(key, live):
    other = ApiKeyFactory(project=key.project)
    stored = [seen(key, live), seen(other, live), seen(key, live, tag="staging")]
    assert sightings_store(stored) == 3
    assert ApiKey.objects.filter(sightings__version=live).distinct().count() == 2
