"""The site's addresses, and two that fail below every view of ours."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import path

from kaizen_site.urls import (
    handler400,
    handler403,
    handler404,
    handler500,
)
from kaizen_site.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def explode(request: HttpRequest) -> None:
    raise ZeroDivisionError("a secret")


def forbid(request: HttpRequest) -> None:
    raise PermissionDenied("a secret")


urlpatterns = [
    path("explode", explode),
    path("api/explode", explode),
    path("forbid", forbid),
    path("api/forbid", forbid),
    *site,
]
