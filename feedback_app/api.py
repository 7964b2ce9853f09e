"""The feedback door. Bodies go through the typed decoder: a serializer would triple the cost."""

from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from feedback_app.services.feedback import ItemAnswer, feedback_log, feedback_log_batch
from feedback_app.wire import decode_batch, decode_item
from kaizen_engine.states import Origin
from projects_app.authentication import caller
from projects_app.models import Scope


class FeedbackLogInput(serializers.Serializer[Any]):
    """One judged output; `output` is null where no answer was given."""

    task = serializers.CharField(max_length=80)
    inputs = serializers.DictField()
    output = serializers.JSONField(allow_null=True)
    event_id = serializers.CharField(max_length=64)
    score = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    thumb = serializers.BooleanField(required=False, allow_null=True)
    comment = serializers.CharField(required=False, allow_null=True)
    corrected_output = serializers.JSONField(required=False, allow_null=True)
    metrics = serializers.DictField(child=serializers.FloatField(), required=False, allow_null=True)
    metadata = serializers.DictField(required=False, allow_null=True)
    origin = serializers.ChoiceField(
        choices=[origin.value for origin in Origin], required=False, allow_null=True
    )
    prompt_hash = serializers.CharField(max_length=64, required=False, allow_null=True)


class FeedbackLogOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class FeedbackBatchItemOutput(serializers.Serializer[Any]):
    event_id = serializers.CharField()
    status = serializers.IntegerField(help_text="As in HTTP: 201 stored, 200 stored before.")
    code = serializers.CharField(required=False, help_text="Why the item was refused.")


class FeedbackLogApi(APIView):
    scopes: ClassVar = {"POST": Scope.FEEDBACK_WRITE}

    @extend_schema(
        operation_id="feedback_log",
        request=FeedbackLogInput,
        responses={201: FeedbackLogOutput, 200: FeedbackLogOutput},
    )
    def post(self, request: Request) -> HttpResponse:
        """Store one feedback. The same `event_id` again gives the first answer."""
        item = decode_item(request._request.body)
        logged = feedback_log(actor=caller(request), item=item)
        return _json({"id": logged.public_id}, status=201 if logged.is_new else 200)


class FeedbackBatchLogApi(APIView):
    scopes: ClassVar = {"POST": Scope.FEEDBACK_WRITE}

    @extend_schema(
        operation_id="feedback_log_batch",
        request=FeedbackLogInput(many=True),
        responses={200: FeedbackBatchItemOutput(many=True)},
    )
    def post(self, request: Request) -> HttpResponse:
        """Store at most 500 feedback items; each is answered in its place, after the commit."""
        items = decode_batch(request._request.body)
        answers = feedback_log_batch(actor=caller(request), items=items)
        return _json([_shown(answer) for answer in answers], status=200)


def _shown(answer: ItemAnswer) -> dict[str, Any]:
    shown: dict[str, Any] = {"event_id": answer.event_id, "status": answer.status}
    return {**shown, "code": answer.code} if answer.code else shown


def _json(value: Any, *, status: int) -> HttpResponse:
    body = msgspec.json.encode(value)
    headers = {"Content-Length": str(len(body))}
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)
