"""API keys at the REST door: who is calling, and whether the key's scopes cover the view."""

from collections.abc import Mapping
from typing import Any, cast

from django.core.cache import caches
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from projects_app.actors import Actor
from projects_app.models import ApiKey, Scope
from projects_app.services.keys import api_key_find_cached

LAST_USED_S = 60


class ApiKeyAuthentication(BaseAuthentication):
    """Read `X-API-Key`, or `Authorization: Bearer`; `request.auth` becomes the Actor."""

    def authenticate(self, request: Request) -> tuple[None, Actor] | None:
        text = _presented(request)
        if not text:
            return None
        key = api_key_find_cached(text)
        if key is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        ip = request.META.get("REMOTE_ADDR") or None
        _note_use(key, ip)
        return None, Actor.key(key, request_id=getattr(request, "request_id", ""), ip=ip)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """Let a request pass when its key has the scope that the view names for the method.

    `scopes = {"GET": None}` serves every key; a method that the view answers and does not name is
    refused, so that a forgotten line closes a door instead of opening it.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Actor):
            return False
        method = "GET" if request.method == "HEAD" else request.method or ""
        scopes: Mapping[str, Scope | None] = getattr(view, "scopes", {})
        if method not in scopes:
            # The view answers an unknown method with 405 after this.
            return method == "OPTIONS" or not hasattr(view, method.lower())
        needed = scopes[method]
        if needed is None or needed.value in request.auth.scopes:
            return True
        self.message = f"This API key lacks the scope {needed.value}."
        return False


def caller(request: Request) -> Actor:
    """Return who calls; for views behind `HasScope`, which lets nobody else in."""
    return cast(Actor, request.auth)


def _presented(request: Request) -> str:
    direct = request.META.get("HTTP_X_API_KEY", "")
    if direct:
        return str(direct)
    word, _, rest = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return rest.strip() if word.lower() == "bearer" else ""


def _note_use(key: ApiKey, ip: str | None) -> None:
    if caches["local"].add(f"key-used:{key.pk}", 1, LAST_USED_S):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now(), last_used_ip=ip)
