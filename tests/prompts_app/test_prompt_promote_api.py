import pytest

from projects_app.models import Scope
from prompts_app.models import Tag
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


def url(task, verb):
    return f"/api/v1/prompts/{task.public_id}/{verb}"


def promote(client, version, more=()):
    body = {"version": str(version.public_id), "tag": "production", "reason": "Better."}
    return client.post(url(version.task, "promote"), {**body, **dict(more)})


def test_a_proven_version_is_promoted_and_rolled_back(api_client, live, proven):
    answer = promote(api_client, proven)
    tag = Tag.objects.get(task=live.task)
    assert answer.status_code == 200
    assert answer.json() == {
        "prompt_id": str(live.task.public_id),
        "tag": "production",
        "version": str(proven.public_id),
        "number": 2,
        "hash": proven.hash,
        "revision": 2,
        "etag": f'"{tag.pk}-2"',
    }
    back = api_client.post(url(live.task, "rollback"), {"reason": "Complaints."})
    assert (back.status_code, back.json()["number"], back.json()["revision"]) == (200, 1, 3)


def test_asking_twice_moves_once(api_client, proven):
    assert promote(api_client, proven).json() == promote(api_client, proven).json()


def test_what_lacks_evidence_is_a_conflict_with_its_code(api_client, live):
    answer = promote(api_client, PromptVersionFactory(task=live.task))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_evidence")


def test_a_tag_that_moved_meanwhile_is_a_conflict(api_client, proven):
    answer = promote(api_client, proven, {"expected_revision": 5})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")


def test_the_first_version_goes_live_on_import(api_client, task):
    version = PromptVersionFactory(task=task)
    assert promote(api_client, version).status_code == 200
    assert version.gates.get().basis == "import"


def test_the_two_person_rule_holds_for_keys(api_client, strict, proven):
    answer = promote(api_client, proven)
    assert (answer.status_code, answer.json()["code"]) == (403, "two_person_rule")


def test_a_rollback_to_a_named_version(api_client, live, proven):
    promote(api_client, proven)
    body = {"version": str(live.public_id)}
    assert api_client.post(url(live.task, "rollback"), body).json()["number"] == 1


def test_a_rollback_with_nothing_before_is_a_conflict(api_client, live):
    answer = api_client.post(url(live.task, "rollback"), {})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_before")


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_keys_scopes_and_projects_are_told_apart(
    client_with, key_with, outsider_client, proven, verb
):
    body = {"version": str(proven.public_id)}
    writer = client_with(key_with(Scope.PROMPT_WRITE, Scope.PROMPT_READ))
    assert client_with("").post(url(proven.task, verb), body).status_code == 401
    assert writer.post(url(proven.task, verb), body).status_code == 403
    assert outsider_client.post(url(proven.task, verb), body).status_code == 404
    assert Tag.objects.get(task=proven.task).revision == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": None}, "version"),
        ({"version": "2"}, "version"),
        ({"tag": "a b"}, "tag"),
        ({"expected_revision": -1}, "expected_revision"),
        ({"expected_revision": 10**30}, "expected_revision"),
        ({"reason": "x" * 2001}, "reason"),
        ({"basis": "override"}, "basis"),
    ],
)
def test_a_bad_field_is_named(api_client, proven, change, field):
    answer = promote(api_client, proven, change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_version_of_another_task_is_not_here(api_client, live):
    stranger = PromptVersionFactory(task__project=live.task.project)
    body = {"version": str(stranger.public_id)}
    answer = api_client.post(url(live.task, "promote"), body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_version")
