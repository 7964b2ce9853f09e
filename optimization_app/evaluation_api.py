"""The REST door to evaluations."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaizen_engine.states import JobKind
from optimization_app.models import Job
from optimization_app.selectors import job_by_public_id
from optimization_app.serializers import JobOutput
from optimization_app.services.evaluate import evaluation_start
from optimization_app.services.evaluate_rows import PLACE, SPLITS
from projects_app.authentication import caller
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.models import Scope
from projects_app.serializers import ExactSerializer
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version, version_get
from tasks_app.models import Task
from tasks_app.selectors import task_by_public_id


class EvaluationStartInput(ExactSerializer):
    prompt_id = serializers.UUIDField()
    version_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="without it, the live version"
    )
    split = serializers.ChoiceField(choices=SPLITS, required=False, default="dev")
    look = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Read the hold-out as well; this counts a look at its rows.",
    )
    alone = serializers.BooleanField(
        required=False, default=False, help_text="Compare with nothing, not with the live version."
    )
    dataset_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="score the rows of this dataset alone"
    )
    config = serializers.DictField(
        required=False,
        default=dict,
        help_text="budget_usd, budget_tokens, minutes, student: for this evaluation alone",
    )
    confirm = serializers.BooleanField(
        required=False,
        default=False,
        help_text="The estimate was seen: start although it is above the project's limit.",
    )


class EvaluationOutput(JobOutput):
    """`evaluation` has the figures of each split once the job has ended, else nothing."""

    version_id = serializers.UUIDField(source="result_version.public_id")
    compared_with = serializers.SerializerMethodField()
    evaluation = serializers.SerializerMethodField()

    class Meta(JobOutput.Meta):
        fields = (*JobOutput.Meta.fields, "version_id", "compared_with", "evaluation")

    def get_compared_with(self, job: Job) -> str | None:
        is_alone = job.seed_version_id == job.result_version_id
        return None if is_alone else str(job.seed_version.public_id)

    def get_evaluation(self, job: Job) -> dict[str, Any] | None:
        found = job.result.get(PLACE)
        # Rows are named by the ids of this database, which are nobody's business outside.
        return {name: found[name] for name in found if name != "failures"} if found else None


class EvaluationStartApi(APIView):
    scopes: ClassVar = {"POST": Scope.EVALUATE}

    @extend_schema(
        operation_id="evaluation_start",
        request=EvaluationStartInput,
        responses={202: EvaluationOutput, 200: EvaluationOutput},
    )
    def post(self, request: Request) -> Response:
        """Queue the evaluation of a version; 200 with the same one when it is under way.

        Answers that were paid for before are not paid for again.
        """
        body = EvaluationStartInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        task = task_by_public_id(caller(request).project_id, asked["prompt_id"])
        config = dict(asked["config"])
        if asked.get("dataset_id"):
            config["dataset_id"] = str(asked["dataset_id"])
        job, created = evaluation_start(
            actor=caller(request),
            version=_version(task, asked.get("version_id")),
            trigger="api",
            split=asked["split"],
            look=asked["look"],
            alone=asked["alone"],
            config=config,
            confirm=asked["confirm"],
        )
        return Response(EvaluationOutput(job).data, status=202 if created else 200)


class EvaluationDetailApi(APIView):
    scopes: ClassVar = {"GET": Scope.EVALUATE}

    @extend_schema(operation_id="evaluation_get", responses=EvaluationOutput)
    def get(self, request: Request, job_id: str) -> Response:
        job = job_by_public_id(caller(request).project_id, job_id)
        if job.kind != JobKind.EVALUATE:
            raise NotHere("there is no such evaluation for this key", code="unknown_job")
        return Response(EvaluationOutput(job).data)


def _version(task: Task, public_id: Any) -> PromptVersion:
    if public_id:
        version = version_get(task, public_id)
    else:
        live = live_version(task)
        if live is None:
            message = f"the task {task.slug} has no live version: name one"
            raise InvalidInput(message, code="no_active_version", errors={"version_id": message})
        version = live
    version.task = task
    return version
