"""API keys over the API: to list, to make and to revoke."""

import uuid
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects_app.authentication import caller
from projects_app.exceptions import NotHere
from projects_app.models import ApiKey, Project, Scope
from projects_app.serializers import ExactSerializer
from projects_app.services.keys import api_key_create, api_key_revoke


class KeyCreateInput(ExactSerializer):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField([scope.value for scope in Scope]), allow_empty=False
    )
    expires_at = serializers.DateTimeField(required=False)


class KeyRevokeInput(ExactSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class KeyOutput(serializers.ModelSerializer[ApiKey]):
    key_id = serializers.UUIDField(source="public_id")

    class Meta:
        model = ApiKey
        fields: ClassVar = [
            "key_id",
            "name",
            "prefix",
            "scopes",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        ]


class KeyCreatedOutput(KeyOutput):
    key = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta(KeyOutput.Meta):
        fields: ClassVar = [*KeyOutput.Meta.fields, "key"]


class KeyListApi(APIView):
    scopes: ClassVar = {"GET": Scope.ADMIN_KEYS, "POST": Scope.ADMIN_KEYS}

    @extend_schema(operation_id="key_list", responses=KeyOutput(many=True))
    def get(self, request: Request) -> Response:
        """List the project's keys, the newest first; no secret is among them."""
        keys = ApiKey.objects.filter(project_id=caller(request).project_id)
        return Response(KeyOutput(keys, many=True).data)

    @extend_schema(
        operation_id="key_create", request=KeyCreateInput, responses={201: KeyCreatedOutput}
    )
    def post(self, request: Request) -> Response:
        """Make a key with scopes that the calling key has itself; its text is answered once."""
        body = KeyCreateInput(data=request.data)
        body.is_valid(raise_exception=True)
        actor = caller(request)
        project = Project.objects.get(pk=actor.project_id)
        key, text = api_key_create(actor=actor, project=project, **body.validated_data)
        return Response(KeyOutput(key).data | {"key": text}, status=201)


class KeyRevokeApi(APIView):
    scopes: ClassVar = {"POST": Scope.ADMIN_KEYS}

    @extend_schema(operation_id="key_revoke", request=KeyRevokeInput, responses=KeyOutput)
    def post(self, request: Request, key_id: uuid.UUID) -> Response:
        """Refuse the key from now on; one that is revoked already stays as it was."""
        body = KeyRevokeInput(data=request.data)
        body.is_valid(raise_exception=True)
        actor = caller(request)
        key = ApiKey.objects.filter(project_id=actor.project_id, public_id=key_id).first()
        if key is None:
            raise NotHere("there is no such key for this key", code="unknown_key")
        key = api_key_revoke(actor=actor, key=key, reason=body.validated_data["reason"])
        return Response(KeyOutput(key).data)
