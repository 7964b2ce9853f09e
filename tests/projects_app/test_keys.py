"""API keys: shown once, kept as a hash, and never stronger than who made them."""

from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import ApiKey, AuditEntry, Scope
from projects_app.services.keys import (
    api_key_create,
    api_key_find,
    api_key_find_cached,
    api_key_revoke,
)
from tests.factories.projects import ApiKeyFactory, key_text

READ = [Scope.PROMPT_READ.value]


def test_a_key_is_shown_once_and_only_its_hash_is_kept(admin_actor, project):
    key, text = api_key_create(actor=admin_actor, project=project, name="app", scopes=READ)
    secret = text.removeprefix(f"kz_live_{key.prefix}_")
    assert len(key.prefix) == 8
    assert len(secret) >= 43
    stored = serializers.serialize("json", [*ApiKey.objects.all(), *AuditEntry.objects.all()])
    assert secret not in stored + repr(key) + str(key)
    assert api_key_find(text) == key


def test_two_keys_share_nothing(admin_actor, project):
    made = [
        api_key_create(actor=admin_actor, project=project, name="app", scopes=READ)
        for _ in range(2)
    ]
    assert len({text for _, text in made} | {key.prefix for key, _ in made}) == 4


@pytest.mark.parametrize(
    "mistake",
    [
        "",
        "kz_live_",
        "kz_live_unknown0_" + "x" * 43,
        "nothing like a key",
        "kz_live_\x00\x00_x",
        "kz_live_ünïcöde_x",
        "_" * 5000,
    ],
)
@pytest.mark.django_db
def test_what_is_no_key_finds_none(mistake):
    assert api_key_find(mistake) is None


@pytest.mark.django_db
def test_a_wrong_secret_or_prefix_finds_none():
    one, other = ApiKeyFactory(), ApiKeyFactory()
    assert api_key_find(key_text(one)) == one
    assert api_key_find(key_text(one) + "x") is None
    assert api_key_find(key_text(one)[:-1]) is None
    assert api_key_find(key_text(one).replace(one.prefix, other.prefix, 1)) is None


@pytest.mark.parametrize("state", ["revoked", "expired"])
@pytest.mark.django_db
def test_a_key_past_its_life_finds_none(state):
    assert api_key_find(key_text(ApiKeyFactory(**{state: True}))) is None


def test_a_revoked_key_is_refused_at_once_in_this_process(
    admin_actor, project, django_capture_on_commit_callbacks
):
    key = ApiKeyFactory(project=project)
    assert api_key_find_cached(key_text(key)) == key
    with django_capture_on_commit_callbacks(execute=True):
        api_key_revoke(actor=admin_actor, key=key)
    assert api_key_find_cached(key_text(key)) is None


def test_a_cached_key_still_expires(project, django_assert_num_queries):
    key = ApiKeyFactory(project=project, expires_at=timezone.now() + timedelta(seconds=0.2))
    found = api_key_find_cached(key_text(key))
    with django_assert_num_queries(0):
        assert api_key_find_cached(key_text(key)) == found
    while timezone.now() < key.expires_at:
        pass
    assert api_key_find_cached(key_text(key)) is None


def test_revoking_twice_is_one_entry_of_the_audit_trail(admin_actor, project):
    key = ApiKeyFactory(project=project)
    first = api_key_revoke(actor=admin_actor, key=key).revoked_at
    assert api_key_revoke(actor=admin_actor, key=key).revoked_at == first
    assert AuditEntry.objects.filter(action="kaizen.api_key.revoked").count() == 1


@pytest.mark.parametrize("member", ["viewer_actor", "editor_actor", "approver_actor"])
def test_only_an_admin_makes_and_revokes_keys(request, member, project):
    actor = request.getfixturevalue(member)
    with pytest.raises(NotAllowed):
        api_key_create(actor=actor, project=project, name="app", scopes=READ)
    with pytest.raises(NotAllowed):
        api_key_revoke(actor=actor, key=ApiKeyFactory(project=project))


def test_another_projects_admin_finds_no_project_and_no_key(outsider_actor, project):
    key = ApiKeyFactory(project=project)
    with pytest.raises(NotHere):
        api_key_create(actor=outsider_actor, project=project, name="app", scopes=READ)
    with pytest.raises(NotHere):
        api_key_revoke(actor=outsider_actor, key=key)
    assert api_key_find(key_text(key)) == key


def test_a_key_cannot_grant_what_it_lacks(project):
    maker = ApiKeyFactory(project=project, scopes=[Scope.ADMIN_KEYS.value, *READ])
    actor = Actor.key(maker)
    api_key_create(actor=actor, project=project, name="weaker", scopes=READ)
    with pytest.raises(InvalidInput, match="what it lacks"):
        api_key_create(actor=actor, project=project, name="s", scopes=[*READ, "evaluate"])


def test_a_key_without_the_scope_for_it_makes_none(project):
    actor = Actor.key(ApiKeyFactory(project=project, scopes=READ))
    with pytest.raises(NotAllowed):
        api_key_create(actor=actor, project=project, name="app", scopes=READ)


@pytest.mark.parametrize("scopes", [[], ["everything"], [*READ, "prompt:destroy"]])
def test_scopes_must_be_known_and_at_least_one(admin_actor, project, scopes):
    with pytest.raises(InvalidInput) as caught:
        api_key_create(actor=admin_actor, project=project, name="app", scopes=scopes)
    assert "scopes" in caught.value.errors


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_a_key_lives_at_most_a_year(admin_actor, project, days):
    expires_at = timezone.now() + timedelta(days=days)
    with pytest.raises(InvalidInput) as caught:
        api_key_create(
            actor=admin_actor, project=project, name="a", scopes=READ, expires_at=expires_at
        )
    assert "expires_at" in caught.value.errors
