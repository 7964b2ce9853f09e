import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import caches

from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import GateBasis
from projects_app.models import Scope
from prompts_app.live_cache import KEPT_S, LiveCache, LivePrompt
from prompts_app.models import Tag
from prompts_app.services.tags import tag_rollback, version_promote
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/tasks/triage/prompt"


def test_the_live_prompt_is_served_with_its_hash(api_client, live):
    answer = api_client.get(URL)
    tag = Tag.objects.get()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["ETag"] == f'"{tag.pk}-1"'
    assert int(answer["Content-Length"]) == len(answer.content)
    assert answer.json() == {
        "version": str(live.public_id),
        "number": 1,
        "hash": live.hash,
        "tag": "production",
        "artifact": live.artifact,
    }
    assert PromptArtifact.from_dict(answer.json()["artifact"]).hash == live.hash


def test_another_tag_is_served_by_its_name(api_client, live):
    staged = TagFactory(version=PromptVersionFactory(task=live.task), name="staging")
    assert api_client.get(URL, {"tag": "staging"}).json()["number"] == staged.version.number
    assert api_client.get(URL).json()["number"] == 1


@pytest.mark.parametrize("spelled", ["{}", "W/{}", '"x", {}', "*"])
def test_what_the_client_has_already_is_not_sent_again(api_client, live, spelled):
    etag = api_client.get(URL)["ETag"]
    again = api_client.get(URL, headers={"If-None-Match": spelled.format(etag)})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)


@pytest.mark.parametrize("offered", ['"0-1"', "nonsense", '"', ","])
def test_another_etag_gets_the_prompt(api_client, live, offered):
    assert api_client.get(URL, headers={"If-None-Match": offered}).status_code == 200


def test_an_unknown_task_and_a_task_with_nothing_live_are_told_apart(api_client, project):
    TaskFactory(project=project, slug="empty")
    for slug, code in [
        ("nowhere", "unknown_task"),
        ("x" * 300, "unknown_task"),
        ("empty", "no_active_version"),
    ]:
        answer = api_client.get(f"/api/v1/tasks/{slug}/prompt")
        assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_an_archived_task_is_gone(api_client, live):
    live.task.archived_at = live.created_at
    live.task.save()
    assert api_client.get(URL).json()["code"] == "unknown_task"


@pytest.mark.parametrize("tag", ["", "a b", "a\x00b", "x" * 61])
def test_a_strange_tag_is_named_in_the_refusal(api_client, live, tag):
    answer = api_client.get(URL, {"tag": tag})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "tag"


def test_no_key_a_key_without_the_scope_and_another_project_are_refused(
    client_with, key_with, outsider_client, live
):
    assert client_with("").get(URL).status_code == 401
    assert client_with(key_with(Scope.FEEDBACK_WRITE)).get(URL).status_code == 403
    assert client_with(key_with(Scope.PROMPT_READ)).get(URL).status_code == 200
    assert outsider_client.get(URL).status_code == 404


def test_only_get_is_answered(api_client, live):
    assert api_client.post(URL, {}).status_code == 405


def test_a_warm_answer_takes_no_query(api_client, live, django_assert_num_queries):
    api_client.get(URL)
    with django_assert_num_queries(0):
        assert api_client.get(URL).status_code == 200


def test_a_cold_answer_takes_one_query_beside_the_key(api_client, live, django_assert_num_queries):
    api_client.get("/api/v1/changes")
    with django_assert_num_queries(1):
        api_client.get(URL)


def test_a_move_in_this_process_is_served_at_once(
    api_client, approver_actor, proven, django_capture_on_commit_callbacks
):
    first = api_client.get(URL)
    with django_capture_on_commit_callbacks(execute=True):
        version_promote(
            actor=approver_actor, task=proven.task, version=proven, basis=GateBasis.EVIDENCE
        )
    second = api_client.get(URL, headers={"If-None-Match": first["ETag"]})
    assert (second.status_code, second.json()["number"]) == (200, 2)
    with django_capture_on_commit_callbacks(execute=True):
        tag_rollback(actor=approver_actor, task=proven.task)
    third = api_client.get(URL)
    assert third.json()["number"] == 1
    assert len({first["ETag"], second["ETag"], third["ETag"]}) == 3


def test_a_move_in_another_process_is_served_within_two_seconds(api_client, proven):
    api_client.get(URL)
    kept_at = time.monotonic()
    Tag.objects.update(version=proven, revision=2)
    assert api_client.get(URL).json()["number"] == 1
    time.sleep(max(0.0, kept_at + KEPT_S + 0.05 - time.monotonic()))
    assert api_client.get(URL).json()["number"] == 2


def test_what_was_read_before_a_move_is_not_kept_after_it():
    cache = LiveCache()
    old, new = LivePrompt('"1-1"', b"old"), LivePrompt('"1-2"', b"new")

    def read_while_it_moves():
        cache.forget("key")
        return old

    assert cache.get("key", read_while_it_moves) == old
    assert cache.get("key", lambda: new) == new
    assert cache.get("key", lambda: old) == new


def test_what_cannot_be_read_is_not_kept():
    cache = LiveCache()
    with pytest.raises(LookupError):
        cache.get("key", lambda: {}["nothing"])
    assert caches["local"].get("key") is None


def test_many_readers_of_one_tag_agree():
    cache = LiveCache()
    found = LivePrompt('"1-1"', json.dumps({"number": 1}).encode())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cache.get("key", lambda: found), range(64)))
    assert set(answers) == {found}
