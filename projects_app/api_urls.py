from django.urls import path

from projects_app.api import KeyListApi, KeyRevokeApi

urlpatterns = [
    path("keys", KeyListApi.as_view(), name="keys"),
    path("keys/<uuid:key_id>/revoke", KeyRevokeApi.as_view(), name="key-revoke"),
]
