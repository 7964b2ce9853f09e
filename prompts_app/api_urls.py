from django.urls import path

from prompts_app import api

urlpatterns = [
    path("tasks/<slug:slug>/prompt", api.PromptGetApi.as_view(), name="prompt-get"),
    path("changes", api.ChangeListApi.as_view(), name="change-list"),
    path("prompts", api.PromptCreateApi.as_view(), name="prompt-create"),
    path(
        "prompts/<uuid:prompt_id>/versions", api.VersionCreateApi.as_view(), name="version-create"
    ),
    path(
        "prompts/<uuid:prompt_id>/versions/<uuid:version_id>",
        api.PromptVersionApi.as_view(),
        name="version-detail",
    ),
    path("prompts/<uuid:prompt_id>/lineage", api.PromptLineageApi.as_view(), name="prompt-lineage"),
    path("prompts/<uuid:prompt_id>/promote", api.PromptPromoteApi.as_view(), name="prompt-promote"),
    path(
        "prompts/<uuid:prompt_id>/rollback", api.PromptRollbackApi.as_view(), name="prompt-rollback"
    ),
]
