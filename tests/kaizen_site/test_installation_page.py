"""The installation as admins of a project see it: no secret in it, and where each value is from."""

import pytest
from django.conf import settings
from django.urls import reverse

from kaizen_site.installation import configuration, masked

pytestmark = pytest.mark.django_db
ADDRESS = reverse("settings:installation", kwargs={"project": "support"})


def test_an_admin_sees_what_is_in_effect_and_no_secret(client, admin_member, monkeypatch):
    monkeypatch.setenv("KAIZEN_LOG_LEVEL", "INFO")
    client.force_login(admin_member)
    page = client.get(ADDRESS).content.decode()
    for words in ("KAIZEN_LEASE_S", "KAIZEN_SECRET_KEY", "environment", "default", "Python"):
        assert words in page
    for secret in (settings.SECRET_KEY, *settings.CONFIG.encryption_keys):
        assert secret not in page


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("KAIZEN_SECRET_KEY", "abc", "set"),
        ("KAIZEN_ENCRYPTION_KEYS", ("a", "b"), "set, 2 of them"),
        ("SOME_TOKEN", "", "not set"),
        ("DATABASE_URL", "postgres://ann:hunter2@db:5432/k?sslkey=x", "postgres://ann:…@db:5432/k"),
        ("KAIZEN_EMAIL_URL", "smtp://ann:p%40ss@mail:25", "smtp://ann:…@mail:25"),
        ("KAIZEN_ALLOWED_HOSTS", ("a", "b"), "a, b"),
        ("KAIZEN_JOB_THREADS", 4, "4"),
    ],
)
def test_a_value_is_shown_without_its_secret(name, value, shown):
    assert masked(name, value) == shown


def test_the_source_is_the_environment_a_file_or_the_default():
    environment = {"KAIZEN_LEASE_S": "90", "KAIZEN_SECRET_KEY_FILE": "/run/secrets/key"}
    found = {one.name: one.source for one in configuration(environment)}
    assert found["KAIZEN_LEASE_S"] == "environment"
    assert found["KAIZEN_SECRET_KEY"] == "file /run/secrets/key"
    assert found["KAIZEN_JOB_THREADS"] == "default"


def test_others_do_not_see_it(client, approver, outsider):
    client.force_login(approver)
    assert client.get(ADDRESS).status_code == 403
    client.force_login(outsider)
    assert client.get(ADDRESS).status_code == 404
