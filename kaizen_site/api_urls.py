"""The REST API, version 1: the apps' own routes under one roof."""

from django.urls import include, path, re_path

from kaizen_site.error_pages import unknown_api

urlpatterns = [
    path("", include("projects_app.api_urls")),
    path("", include("tasks_app.api_urls")),
    path("", include("feedback_app.api_urls")),
    path("", include("prompts_app.api_urls")),
    path("", include("optimization_app.api_urls")),
    re_path(r"", unknown_api),
]
