"""The judge over the API: where it stands, of its own project alone."""

import pytest

from optimization_app.passports import judge_of
from projects_app.models import Scope
from tasks_app.models import Task
from tests.factories.labels import HumanLabelFactory, JudgePassportFactory, LabelItemFactory

pytestmark = pytest.mark.django_db

JUDGE = {"kind": "rubric", "rubric": "Names the desk.", "model": "models/judge"}
PLACE = "/api/v1/tasks/triage/judge"


@pytest.fixture
def judged(task):
    Task.objects.filter(pk=task.pk).update(evaluator=JUDGE)
    return Task.objects.get(pk=task.pk)


def test_a_task_without_a_judge_needs_no_passport(api_client, task):
    found = api_client.get(PLACE).json()
    assert (found["state"], found["may_confirm"]) == ("not_needed", True)
    assert (found["model"], found["passport"]) == (None, None)


def test_a_judge_on_trial_shows_how_many_labels_are_missing(api_client, judged):
    HumanLabelFactory(item=LabelItemFactory(task=judged))
    found = api_client.get(PLACE).json()
    assert (found["state"], found["may_confirm"]) == ("missing", False)
    assert (found["labels"], found["labels_needed"], found["floor"]) == (1, 60, 0.6)


def test_a_valid_passport_shows_its_figures(api_client, judged):
    judge = judge_of(JUDGE)
    passport = JudgePassportFactory(task=judged, judge_hash=judge.hash)
    found = api_client.get(PLACE).json()
    assert (found["state"], found["model"]) == ("valid", "models/judge")
    assert found["judge_hash"] == found["passport"]["judge_hash"] == judge.hash
    assert found["passport"]["id"] == str(passport.public_id)
    assert found["passport"]["kappa_low"] == 0.78


def test_another_project_and_a_key_without_the_scope_are_refused(
    judged, outsider_client, client_with, key_with
):
    assert outsider_client.get(PLACE).status_code == 404
    assert client_with(key_with(Scope.FEEDBACK_WRITE)).get(PLACE).status_code == 403
    assert client_with("").get(PLACE).status_code == 401
