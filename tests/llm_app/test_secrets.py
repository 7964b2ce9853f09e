"""Stored secrets open only with a configured key and only at their own place."""

import base64
from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings as live_settings
from django.core.management import CommandError, call_command

from llm_app.models import Connection
from llm_app.services.connections import connection_secret, connection_secret_set
from projects_app.secrets import SecretUnreadable, decrypt, encrypt, is_current
from tests.factories.llm import ConnectionFactory

PLACE = "connection:1:secret"
OLD, NEW = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n"))


@pytest.fixture
def ring(settings):
    def use(*keys: str) -> None:
        settings.CONFIG = replace(live_settings.CONFIG, encryption_keys=keys)

    return use


@pytest.mark.parametrize("plain", ["", "sk-a-secret", "ü" * 5000])
def test_what_was_encrypted_is_decrypted(plain):
    assert decrypt(encrypt(plain, PLACE), PLACE) == plain


def test_the_same_secret_never_looks_the_same_twice():
    assert encrypt("sk-a-secret", PLACE) != encrypt("sk-a-secret", PLACE)


def test_a_ciphertext_moved_to_another_row_does_not_open():
    with pytest.raises(SecretUnreadable, match="does not belong"):
        decrypt(encrypt("sk-a-secret", PLACE), "connection:2:secret")


@pytest.mark.parametrize("position", [0, 5, -1])
def test_a_changed_ciphertext_does_not_open(position):
    head, key_id, text = encrypt("sk-a-secret", PLACE).split(".")
    sealed = bytearray(base64.urlsafe_b64decode(text))
    sealed[position] ^= 1
    forged = f"{head}.{key_id}.{base64.urlsafe_b64encode(bytes(sealed)).decode()}"
    with pytest.raises(SecretUnreadable):
        decrypt(forged, PLACE)


@pytest.mark.parametrize("text", ["", "plain", "v1.x", "v1.x.***", "v9.abcdef12.AAAA", "v1.a.AA"])
def test_what_is_no_ciphertext_is_refused(text):
    with pytest.raises(SecretUnreadable):
        decrypt(text, PLACE)


def test_an_older_key_of_the_ring_still_decrypts(ring):
    ring(OLD)
    stored = encrypt("sk-a-secret", PLACE)
    ring(NEW, OLD)
    assert decrypt(stored, PLACE) == "sk-a-secret"
    assert not is_current(stored)
    assert is_current(encrypt("sk-a-secret", PLACE))


def test_a_dropped_key_is_named_by_its_id_and_nothing_else(ring):
    ring(OLD)
    stored = encrypt("sk-a-secret", PLACE)
    ring(NEW)
    with pytest.raises(SecretUnreadable, match="KAIZEN_ENCRYPTION_KEYS") as caught:
        decrypt(stored, PLACE)
    assert OLD not in str(caught.value)
    assert "sk-a-secret" not in str(caught.value)


def test_rotation_leaves_nothing_to_the_old_key(ring, admin_actor, project):
    ring(OLD)
    connections = ConnectionFactory.create_batch(3, project=project)
    for connection in connections[:2]:
        connection_secret_set(actor=admin_actor, connection=connection, secret="sk-a-secret")
    ring(NEW, OLD)
    out = StringIO()
    call_command("rotate_encryption_keys", stdout=out)
    assert "anew: 2" in out.getvalue()
    ring(NEW)
    rows = Connection.objects.filter(pk__in=[row.pk for row in connections]).order_by("pk")
    assert [connection_secret(row) for row in rows] == ["sk-a-secret", "sk-a-secret", ""]
    call_command("rotate_encryption_keys", stdout=out)
    assert "anew: 0" in out.getvalue()


def test_rotation_names_the_connections_it_cannot_open(ring, admin_actor, project):
    ring(OLD)
    lost = ConnectionFactory(project=project)
    connection_secret_set(actor=admin_actor, connection=lost, secret="sk-a-secret")
    ring(NEW)
    with pytest.raises(CommandError, match=str(lost.public_id)):
        call_command("rotate_encryption_keys", stdout=StringIO())
