"""Secrets at rest: AES-256-GCM with a ring of keys, bound to the place where they are stored.

A ciphertext reads `v1.<key id>.<base64 of nonce and sealed text>`. The first key of
KAIZEN_ENCRYPTION_KEYS encrypts and all of them decrypt. The associated data names the row and the
column, so that a ciphertext copied to another row does not open there.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from kaizen_engine.errors import KaizenError

FORMAT = "v1"
NONCE_BYTES = 12


class SecretUnreadable(KaizenError):
    """A stored secret that none of the configured keys opens at this place."""

    code = "secret_unreadable"


def encrypt(plain: str, aad: str) -> str:
    key_id, key = next(iter(_ring().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), aad.encode())
    return f"{FORMAT}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode('ascii')}"


def decrypt(stored: str, aad: str) -> str:
    """Return the secret, or raise SecretUnreadable, whose message holds nothing of it."""
    key_id, sealed = _split(stored)
    key = _ring().get(key_id)
    if key is None:
        message = f"it was encrypted with the key {key_id}, which KAIZEN_ENCRYPTION_KEYS lacks"
        raise SecretUnreadable(message)
    try:
        opened = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad.encode())
    except (InvalidTag, ValueError) as error:
        message = f"the ciphertext was changed or does not belong to {aad}"
        raise SecretUnreadable(message) from error
    return opened.decode()


def is_current(stored: str) -> bool:
    """Return whether the first key of the ring encrypted this."""
    return _split(stored)[0] == next(iter(_ring()))


def renew(stored: str, aad: str) -> str:
    """Return the same secret, encrypted with the first key of the ring."""
    return encrypt(decrypt(stored, aad), aad)


def _split(stored: str) -> tuple[str, bytes]:
    try:
        version, key_id, text = stored.split(".")
        sealed = base64.b64decode(text, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise SecretUnreadable("this is no ciphertext") from error
    if version != FORMAT:
        raise SecretUnreadable(f"the ciphertext has the unknown format {version[:8]}")
    return key_id, sealed


def _ring() -> Mapping[str, bytes]:
    keys = (base64.urlsafe_b64decode(text) for text in settings.CONFIG.encryption_keys)
    return {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
