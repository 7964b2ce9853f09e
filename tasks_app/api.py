"""Tasks over the API: to list, to read, to make and to change."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaizen_engine.optimize.strategy import STRATEGIES
from kaizen_engine.states import FeedbackOrigin
from projects_app.authentication import caller
from projects_app.choices import choices_of
from projects_app.models import Project, Scope
from projects_app.serializers import ExactSerializer
from tasks_app.locked_text import LONGEST, MOST
from tasks_app.models import Task
from tasks_app.selectors import task_get, task_list
from tasks_app.services import task_create, task_update

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
    metric = serializers.CharField(help_text="The evaluator in a few words.")
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
            "evaluator",
            "metric",
            "feedback_origin",
            "good_score",
            "minimum_effect",
            "judge_floor",
            "auto_trigger",
            "threshold",
            "cron",
            "next_run_at",
            "optimizer",
            "num_trials",
            "max_demos",
            "reasoning",
            "budget_usd",
            "budget_tokens",
            "minutes",
            "max_cost_ratio",
            "max_latency_ratio",
            "locked_text",
            "notes",
            "created_at",
        ]


class TaskListOutput(serializers.Serializer[Any]):
    tasks = TaskOutput(many=True)
    next = serializers.CharField(allow_null=True, help_text="`after` of the next page.")


class TaskChangeInput(ExactSerializer):
    """What a task may be told; a field that is not named stays as it is."""

    name = serializers.CharField(required=False, max_length=200)
    description = serializers.CharField(required=False, allow_blank=True)
    input_schema = serializers.DictField(required=False)
    output_schema = serializers.DictField(required=False)
    student = serializers.CharField(required=False, allow_blank=True, max_length=290)
    teacher = serializers.CharField(required=False, allow_blank=True, max_length=290)
    evaluator = serializers.JSONField(
        required=False, help_text="A kind by its name, or an object with a kind and its settings."
    )
    feedback_origin = serializers.ChoiceField(choices_of(FeedbackOrigin), required=False)
    good_score = serializers.FloatField(required=False, min_value=0, max_value=1)
    minimum_effect = serializers.FloatField(required=False, min_value=0, max_value=1)
    judge_floor = serializers.FloatField(required=False, min_value=0, max_value=1)
    auto_trigger = serializers.BooleanField(required=False)
    threshold = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    cron = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Five fields of cron in UTC; empty: no schedule.",
    )
    optimizer = serializers.ChoiceField(required=False, choices=sorted(STRATEGIES))
    num_trials = serializers.IntegerField(required=False, min_value=1, max_value=15)
    max_demos = serializers.IntegerField(required=False, min_value=1, max_value=24)
    reasoning = serializers.BooleanField(
        required=False, allow_null=True, help_text="null: as the prompt of today has it."
    )
    budget_usd = serializers.DecimalField(
        required=False, max_digits=10, decimal_places=4, min_value=0
    )
    budget_tokens = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**53
    )
    minutes = serializers.IntegerField(required=False, min_value=1, max_value=30)
    max_cost_ratio = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=1000
    )
    max_latency_ratio = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=1000
    )
    locked_text = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST, trim_whitespace=False),
        required=False,
        max_length=MOST,
    )
    notes = serializers.CharField(required=False, allow_blank=True, max_length=4000)


class TaskCreateInput(TaskChangeInput):
    slug = serializers.SlugField(max_length=80)


class TaskListApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ, "POST": Scope.TASK_CREATE}

    @extend_schema(operation_id="task_create", request=TaskCreateInput, responses={201: TaskOutput})
    def post(self, request: Request) -> Response:
        """Create a task in setup state: it has no prompt yet and collects feedback."""
        body = TaskCreateInput(data=request.data)
        body.is_valid(raise_exception=True)
        project = Project.objects.get(pk=_project_id(request))
        task = task_create(actor=caller(request), project=project, **body.validated_data)
        return Response(TaskOutput(task).data, status=201)

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
    scopes: ClassVar = {"GET": Scope.PROMPT_READ, "PATCH": Scope.TASK_WRITE}

    @extend_schema(operation_id="task_update", request=TaskChangeInput, responses=TaskOutput)
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is named; the rest stays."""
        body = TaskChangeInput(data=request.data)
        body.is_valid(raise_exception=True)
        task = task_get(_project_id(request), slug)
        task = task_update(actor=caller(request), task=task, **body.validated_data)
        return Response(TaskOutput(task).data)

    @extend_schema(operation_id="task_get", responses=TaskOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Show one task."""
        return Response(TaskOutput(task_get(_project_id(request), slug)).data)


def _project_id(request: Request) -> int:
    return caller(request).project_id
