"""A request with an Idempotency-Key happens once, and its twin gets the first answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import IdempotencyRecord
from projects_app.services.idempotency import Answer, idempotency_forget, idempotency_run
from tests.factories.projects import IdempotencyRecordFactory, ProjectFactory


class Effect:
    """Counts how often it happened."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> tuple[int, dict]:
        self.count += 1
        return 201, {"number": self.count}


@pytest.fixture
def effect() -> Effect:
    return Effect()


def run(project, effect, **options) -> Answer:
    given = {"route": "start", "key": "a-key", "request": b"{}"} | options
    return idempotency_run(project_id=project.pk, run=effect, **given)


def test_the_second_request_gets_the_first_answer(project, effect):
    assert run(project, effect) == Answer(201, {"number": 1})
    assert run(project, effect) == Answer(201, {"number": 1}, is_replay=True)
    assert effect.count == 1


def test_key_route_and_project_each_make_another_request(project, other_project, effect):
    run(project, effect)
    run(project, effect, key="another")
    run(project, effect, route="another")
    run(other_project, effect)
    assert effect.count == 4


def test_without_a_key_every_request_happens(project, effect):
    run(project, effect, key="")
    run(project, effect, key="")
    assert effect.count == 2
    assert not IdempotencyRecord.objects.exists()


def test_the_same_key_with_another_body_is_refused(project, effect):
    run(project, effect)
    with pytest.raises(Conflict) as caught:
        run(project, effect, request=b'{"other": 1}')
    assert caught.value.code == "idempotency_mismatch"
    assert effect.count == 1


def test_a_request_that_has_not_answered_is_said_to_be_in_progress(project, effect):
    run(project, effect)
    IdempotencyRecord.objects.update(status=None, response=None)
    with pytest.raises(Conflict) as caught:
        run(project, effect)
    assert caught.value.code == "idempotency_in_progress"


def test_a_refused_request_is_not_remembered(project, effect):
    def refuse() -> tuple[int, dict]:
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        run(project, refuse)
    assert run(project, effect).status == 201


def test_after_a_day_the_key_is_free_again(project, effect):
    run(project, effect)
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert run(project, effect) == Answer(201, {"number": 2})


def test_old_records_are_forgotten(project):
    IdempotencyRecordFactory.create_batch(2)
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    IdempotencyRecordFactory()
    assert idempotency_forget() == 2
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.parametrize("key", ["x" * 256, "a\x00b", "a\nb"])
def test_a_key_no_database_can_hold_is_refused(project, effect, key):
    with pytest.raises(InvalidInput):
        run(project, effect, key=key)


@pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
def test_of_eight_twins_at_once_one_happens_and_all_get_its_answer(live_database, effect):
    project, barrier = ProjectFactory(), threading.Barrier(8)

    def twin(_: int) -> Answer:
        barrier.wait(10)
        try:
            return run(project, effect)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(twin, range(8)))
    assert effect.count == 1
    assert {(answer.status, answer.body["number"]) for answer in answers} == {(201, 1)}
    assert sorted(answer.is_replay for answer in answers) == [False] + [True] * 7
