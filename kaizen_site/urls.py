"""Every address the site answers."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from kaizen_site import error_pages
from kaizen_site.docs import api_docs, docs_script, openapi_schema
from kaizen_site.health import health
from kaizen_site.home_pages import start_page
from kaizen_site.problems import problem_page
from kaizen_site.sign_in import NewPassword, SignIn

urlpatterns = [
    path("", include("optimization_app.urls")),
    path("", include("optimization_app.labelling_urls")),
    path("", include("optimization_app.insight_urls")),
    path("", include("optimization_app.playground_urls")),
    path("", include("prompts_app.urls")),
    path("", include("feedback_app.evaluator_urls")),
    path("", include("feedback_app.feedback_urls")),
    path("", include("feedback_app.urls")),
    path("", include("llm_app.urls")),
    path("", include("projects_app.audit_urls")),
    path("", include("kaizen_site.settings_urls")),
    path("", include("projects_app.notification_urls")),
    path("", start_page, name="home"),
    path("", include("kaizen_site.home_urls")),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", NewPassword.as_view(), name="password"),
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
