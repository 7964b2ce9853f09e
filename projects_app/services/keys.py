"""API keys: made once, shown once, kept as a hash.

A key reads `kz_live_<8 characters>_<43 characters>`. The secret has 256 random bits, so one SHA-256
is enough: a slow hash protects guessable passwords and would here only cost time on every request.
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.cache import caches
from django.db import transaction
from django.utils import timezone

from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.models import ApiKey, Project, Role, Scope
from projects_app.services.audit import audit_record

ALPHABET = string.ascii_letters + string.digits
CACHE_S = 5
LONGEST_LIFE = timedelta(days=365)
NOBODY = hashlib.sha256(b"").hexdigest()


@transaction.atomic
def api_key_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Return the key's row and its text, which nobody can read again."""
    actor.require(role=Role.ADMIN, scope=Scope.ADMIN_KEYS, project_id=project.pk)
    expiry = _checked_expiry(expires_at)
    _check_scopes(actor, scopes)
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        project=project,
        name=name,
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=sorted(set(scopes)),
        created_by=actor.user,
        expires_at=expiry,
    )
    audit_record(actor=actor, action="kaizen.api_key.created", subject=key, scopes=key.scopes)
    return key, f"kz_live_{prefix}_{secret}"


@transaction.atomic
def api_key_revoke(*, actor: Actor, key: ApiKey, reason: str = "") -> ApiKey:
    """Refuse the key from now on; a key that is already revoked stays as it was.

    Other processes may still hold the key in memory for a few seconds.
    """
    actor.require(role=Role.ADMIN, scope=Scope.ADMIN_KEYS, project_id=key.project_id)
    moved = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    if moved:
        audit_record(actor=actor, action="kaizen.api_key.revoked", subject=key, reason=reason)
    transaction.on_commit(lambda: caches["local"].delete(_cache_name(key.prefix, key.secret_hash)))
    key.refresh_from_db()
    return key


def api_key_find_cached(text: str) -> ApiKey | None:
    """Return the live key, asking the database at most every few seconds a process."""
    prefix, secret = _parts(text)
    name = _cache_name(prefix, _hash(secret))
    key: ApiKey | None = caches["local"].get(name)
    if key is None:
        key = api_key_find(text)
        if key is not None:
            caches["local"].set(name, key, CACHE_S)
    return key if key and key.expires_at > timezone.now() else None


def api_key_find(text: str) -> ApiKey | None:
    """Return the live key that the text is, taking the same time whether or not it exists."""
    prefix, secret = _parts(text)
    key = ApiKey.objects.select_related("project", "created_by").filter(prefix=prefix).first()
    matches = hmac.compare_digest(_hash(secret), key.secret_hash if key else NOBODY)
    if not (key and matches) or key.revoked_at or key.expires_at <= timezone.now():
        return None
    return key


def _parts(text: str) -> tuple[str, str]:
    """Return prefix and secret, both empty when the text cannot be a key."""
    parts = text.split("_", 3)
    is_key = len(parts) == 4 and parts[0] == "kz" and parts[2].isascii() and parts[2].isalnum()
    return (parts[2], parts[3]) if is_key else ("", "")


def _cache_name(prefix: str, secret_hash: str) -> str:
    return f"key:{hashlib.sha256(f'{prefix}:{secret_hash}'.encode()).hexdigest()}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _checked_expiry(expires_at: datetime | None) -> datetime:
    latest = timezone.now() + LONGEST_LIFE
    if expires_at is None:
        return latest
    if not timezone.now() < expires_at <= latest:
        message = "a key lives from now to at most 365 days"
        raise InvalidInput(message, errors={"expires_at": message})
    return expires_at


def _check_scopes(actor: Actor, scopes: Sequence[str]) -> None:
    unknown = sorted(set(scopes) - {scope.value for scope in Scope})
    if unknown or not scopes:
        message = f"unknown scopes {unknown}" if unknown else "a key needs at least one scope"
        raise InvalidInput(message, errors={"scopes": message})
    beyond = sorted(set(scopes) - actor.scopes) if actor.role is None and actor.scopes else []
    if beyond:
        message = f"a key cannot give another key what it lacks itself: {beyond}"
        raise InvalidInput(message, errors={"scopes": message})
