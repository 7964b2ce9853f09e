"""Every address the site answers."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from kaizen_site.docs import api_docs, openapi_schema
from kaizen_site.health import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("health", health, name="health"),
    path("docs", api_docs, name="docs"),
    path("openapi.json", openapi_schema, name="openapi"),
    path("api/v1/", include("kaizen_site.api_urls")),
    path(f"{settings.CONFIG.admin_path}/", admin.site.urls),
]
