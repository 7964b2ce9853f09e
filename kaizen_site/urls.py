"""Every address the site answers."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from kaizen_site import error_pages
from kaizen_site.docs import api_docs, docs_script, openapi_schema
from kaizen_site.health import health
from kaizen_site.problems import problem_page

urlpatterns = [
    path("", include("optimization_app.urls")),
    path("", include("optimization_app.labelling_urls")),
    path("", include("optimization_app.insight_urls")),
    path("", include("feedback_app.evaluator_urls")),
    path("", include("feedback_app.urls")),
    path("", include("llm_app.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("", include("projects_app.audit_urls")),
    path("health", health, name="health"),
    path("docs", api_docs, name="docs"),
    path("docs/swagger.js", docs_script, name="docs-script"),
    path("docs/problems", problem_page, name="docs-problems"),
    path("openapi.json", openapi_schema, name="openapi"),
    path("api/v1/", include("kaizen_site.api_urls")),
    path(f"{settings.CONFIG.admin_path}/", admin.site.urls),
]

handler400 = error_pages.bad_request
handler403 = error_pages.not_allowed
handler404 = error_pages.not_found
handler500 = error_pages.server_error
