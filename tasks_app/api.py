"""Tasks over the API: to list and to read."""

from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects_app.actors import Actor
from projects_app.models import Scope
from tasks_app.models import Task
from tasks_app.selectors import task_get, task_list

LARGEST_PAGE = 200


class TaskListInput(serializers.Serializer[Any]):
    after = serializers.CharField(
        required=False, default="", max_length=80, help_text="The last slug of the page before."
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=LARGEST_PAGE
    )


class TaskOutput(serializers.ModelSerializer[Task]):
    prompt_id = serializers.UUIDField(source="public_id")
    student = serializers.CharField()
    teacher = serializers.CharField()

    class Meta:
        model = Task
        fields: ClassVar = [
            "prompt_id",
            "slug",
            "name",
            "description",
            "input_schema",
            "output_schema",
            "student",
            "teacher",
            "metric",
            "feedback_origin",
            "good_score",
            "minimum_effect",
            "auto_trigger",
            "threshold",
            "optimizer",
            "num_trials",
            "max_demos",
            "budget_usd",
            "budget_tokens",
            "minutes",
            "created_at",
        ]


class TaskListOutput(serializers.Serializer[Any]):
    tasks = TaskOutput(many=True)
    next = serializers.CharField(allow_null=True, help_text="`after` of the next page.")


class TaskListApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(operation_id="task_list", parameters=[TaskListInput], responses=TaskListOutput)
    def get(self, request: Request) -> Response:
        """List the project's tasks by slug."""
        query = TaskListInput(data=request.query_params)
        query.is_valid(raise_exception=True)
        after, limit = query.validated_data["after"], query.validated_data["limit"]
        found = list(task_list(_project_id(request), after=after, limit=limit + 1))
        page, has_more = found[:limit], len(found) > limit
        next_slug = page[-1].slug if has_more else None
        return Response({"tasks": TaskOutput(page, many=True).data, "next": next_slug})


class TaskGetApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(operation_id="task_get", responses=TaskOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Show one task."""
        return Response(TaskOutput(task_get(_project_id(request), slug)).data)


def _project_id(request: Request) -> int:
    return cast(Actor, request.auth).project_id
