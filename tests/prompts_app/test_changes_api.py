import pytest

from kaizen_engine.states import GateBasis
from projects_app.models import Scope
from prompts_app.models import Tag
from prompts_app.services.tags import version_promote
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/changes"


@pytest.fixture
def second_task(project, editor_actor):
    task = TaskFactory(project=project, slug="second")
    version = PromptVersionFactory(task=task)
    version_promote(actor=editor_actor, task=task, version=version, basis=GateBasis.IMPORT)
    return task


def test_a_project_where_nothing_moved_is_at_revision_zero(api_client, project):
    assert api_client.get(URL).json() == {"revision": 0, "tags": []}


def test_only_moves_after_the_revision_are_listed(
    api_client, approver_actor, live, second_task, proven
):
    start = api_client.get(URL).json()
    assert start["revision"] == 2
    assert [tag["task"] for tag in start["tags"]] == ["triage", "second"]
    version_promote(
        actor=approver_actor, task=proven.task, version=proven, basis=GateBasis.EVIDENCE
    )
    later = api_client.get(URL, {"since": start["revision"]}).json()
    assert later == {
        "revision": 3,
        "tags": [
            {
                "task": "triage",
                "tag": "production",
                "version": str(proven.public_id),
                "number": 2,
                "hash": proven.hash,
                "etag": f'"{Tag.objects.get(task=proven.task).pk}-2"',
            }
        ],
    }
    assert api_client.get(URL, {"since": 3}).json() == {"revision": 3, "tags": []}


def test_a_client_ahead_of_the_server_gets_every_tag(api_client, live):
    assert len(api_client.get(URL, {"since": 99}).json()["tags"]) == 1


def test_the_etag_is_the_one_that_the_prompt_is_served_with(api_client, live):
    [tag] = api_client.get(URL).json()["tags"]
    assert api_client.get("/api/v1/tasks/triage/prompt")["ETag"] == tag["etag"]


def test_another_project_sees_only_its_own(outsider_client, live):
    assert outsider_client.get(URL).json() == {"revision": 0, "tags": []}


def test_the_key_and_its_scope_are_asked_for(client_with, key_with, project):
    assert client_with("").get(URL).status_code == 401
    assert client_with(key_with(Scope.PROMPT_WRITE)).get(URL).status_code == 403


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "9" * 30, "\x00", ""])
def test_a_bad_revision_is_named(api_client, project, since):
    answer = api_client.get(URL, {"since": since})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "since"


def test_an_idle_poll_takes_one_query(api_client, live, django_assert_num_queries):
    revision = api_client.get(URL).json()["revision"]
    with django_assert_num_queries(1):
        api_client.get(URL, {"since": revision})
