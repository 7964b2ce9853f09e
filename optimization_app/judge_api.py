"""The judge of a task over the API: whether it may confirm, and by which figures."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaizen_engine.states import PassportState
from optimization_app.labelling_page import progress_and_passport
from optimization_app.models import JudgePassport
from projects_app.authentication import caller
from projects_app.choices import choices_of
from projects_app.models import Scope
from tasks_app.selectors import task_get


class PassportOutput(serializers.ModelSerializer[JudgePassport]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = JudgePassport
        fields: ClassVar = [
            "id",
            "judge_hash",
            "labels",
            "accuracy",
            "kappa",
            "kappa_low",
            "true_positive_rate",
            "true_negative_rate",
            "position_bias",
            "self_consistency",
            "created_at",
        ]


class JudgeOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices_of(PassportState))
    words = serializers.CharField()
    may_confirm = serializers.BooleanField()
    model = serializers.CharField(allow_null=True, help_text="Null where no judge scores.")
    judge_hash = serializers.CharField(
        allow_null=True, help_text="Of rubric, wording, model and parameters."
    )
    floor = serializers.FloatField(help_text="What the lower bound of kappa has to hold.")
    labels = serializers.IntegerField(help_text="Blind labels of people on random answers so far.")
    labels_needed = serializers.IntegerField()
    passport = PassportOutput(
        allow_null=True, help_text="The judge's own, or the one that has expired."
    )


class JudgeGetApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(operation_id="judge_get", responses=JudgeOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Show where the task's judge stands."""
        task = task_get(caller(request).project_id, slug)
        progress, now = progress_and_passport(task)
        answer = {
            "state": now.state.value,
            "words": now.words,
            "may_confirm": now.may_confirm,
            "model": now.judge.model if now.judge else None,
            "judge_hash": now.judge.hash if now.judge else None,
            "floor": task.judge_floor,
            "labels": progress.random,
            "labels_needed": progress.needed,
            "passport": now.passport,
        }
        return Response(JudgeOutput(answer).data)
