"""The REST door to jobs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.models import Job, Trial
from optimization_app.selectors import job_by_public_id, job_list, job_sentence, search_report
from optimization_app.services.bundle import RunBundle, run_export
from optimization_app.services.cancel import job_cancel
from optimization_app.services.start import job_start
from projects_app.authentication import caller
from projects_app.exceptions import Conflict
from projects_app.models import Scope
from projects_app.serializers import ExactSerializer
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from prompts_app.serializers import GateOutput
from prompts_app.services.checks import gate_checks
from prompts_app.services.review import version_approve
from tasks_app.selectors import task_by_public_id

PAGE = 100


class ZipRenderer(JSONRenderer):
    """Lets a client ask for a zip; a problem is JSON all the same."""

    media_type = RunBundle.media_type
    format = "zip"


class OptimizationStartInput(ExactSerializer):
    prompt_id = serializers.UUIDField()
    dataset_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="work on the rows of this dataset alone"
    )
    config = serializers.DictField(required=False, default=dict)
    confirm = serializers.BooleanField(
        required=False,
        default=False,
        help_text="The estimate was seen: start although it is above the project's limit.",
    )


class JobCancelInput(ExactSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class TrialOutput(serializers.ModelSerializer[Trial]):
    class Meta:
        model = Trial
        fields = ("number", "score", "rows", "is_full", "is_best", "artifact_hash", "created_at")


class SpentOutput(serializers.Serializer[Any]):
    usd = serializers.CharField(help_text="US dollars, as text so that no digit is lost")
    tokens = serializers.IntegerField()
    calls = serializers.IntegerField()


class BudgetOutput(serializers.Serializer[Any]):
    usd = serializers.CharField()
    tokens = serializers.IntegerField(allow_null=True)
    minutes = serializers.IntegerField()


class JobOutput(serializers.ModelSerializer[Job]):
    """Metrics run from 0 to 1, `progress` from 0 to 100."""

    job_id = serializers.UUIDField(source="public_id")
    prompt_id = serializers.UUIDField(source="task.public_id")
    task = serializers.CharField(source="task.slug")
    status = serializers.CharField(source="state")
    sentence = serializers.SerializerMethodField()
    started_by = serializers.CharField(source="started_by_label")
    spent = serializers.SerializerMethodField()
    budget = serializers.SerializerMethodField()
    estimate = serializers.JSONField()

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            *("job_id", "prompt_id", "task", "kind", "status", "sentence", "stop_reason"),
            *("verdict", "trigger", "started_by", "optimizer", "phase", "progress"),
            *("baseline_metric", "current_best_metric", "spent", "budget", "estimate", "error"),
            *("created_at", "started_at", "finished_at"),
        )

    def get_sentence(self, job: Job) -> str:
        return job_sentence(job)

    @extend_schema_field(SpentOutput)
    def get_spent(self, job: Job) -> dict[str, Any]:
        return {"usd": _money(job.spent_usd), "tokens": job.spent_tokens, "calls": job.calls}

    @extend_schema_field(BudgetOutput)
    def get_budget(self, job: Job) -> dict[str, Any]:
        return {
            "usd": _money(job.budget_usd),
            "tokens": job.budget_tokens,
            "minutes": job.minutes,
        }


class DroppedOutput(serializers.Serializer[Any]):
    reason = serializers.CharField()
    count = serializers.IntegerField()


class DiagnosisOutput(serializers.Serializer[Any]):
    cluster = serializers.CharField()
    failures = serializers.IntegerField()
    text = serializers.CharField()


class SearchOutput(serializers.Serializer[Any]):
    """Instructions that a model wrote, and why some were dropped before any was scored."""

    proposed = serializers.IntegerField()
    dropped_count = serializers.IntegerField()
    dropped = DroppedOutput(many=True)
    diagnoses = DiagnosisOutput(many=True)


class JobDetailOutput(JobOutput):
    trials = TrialOutput(many=True, read_only=True)
    search = serializers.SerializerMethodField()

    class Meta(JobOutput.Meta):
        fields = (*JobOutput.Meta.fields, "trials", "search")

    @extend_schema_field(SearchOutput(allow_null=True))
    def get_search(self, job: Job) -> dict[str, Any] | None:
        return search_report(job)


class WinnerOutput(serializers.ModelSerializer[PromptVersion]):
    version_id = serializers.UUIDField(source="public_id")

    class Meta:
        model = PromptVersion
        fields = ("version_id", "number", "hash", "review_state", "verdict")


class JobResultOutput(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    status = serializers.CharField()
    stop_reason = serializers.CharField()
    verdict = serializers.CharField()
    winner = WinnerOutput(allow_null=True, help_text="the drafted version, if there is one")
    evidence = serializers.JSONField()
    gates = GateOutput(many=True)
    artifact = serializers.JSONField(allow_null=True, help_text="the best candidate's exact text")
    files = serializers.ListField(child=serializers.DictField())


class OptimizationStartApi(APIView):
    scopes: ClassVar = {"POST": Scope.OPTIMIZE_TRIGGER}

    @extend_schema(
        operation_id="optimization_start",
        request=OptimizationStartInput,
        responses={202: JobDetailOutput, 200: JobDetailOutput},
    )
    def post(self, request: Request) -> Response:
        """Queue a job for the prompt; 200 with the live job when there is one already."""
        body = OptimizationStartInput(data=request.data)
        body.is_valid(raise_exception=True)
        task = task_by_public_id(caller(request).project_id, body.validated_data["prompt_id"])
        job, created = job_start(
            actor=caller(request),
            task=task,
            trigger="api",
            config=_with_dataset(body.validated_data),
            confirm=body.validated_data["confirm"],
        )
        return Response(JobDetailOutput(job).data, status=202 if created else 200)


class JobListApi(APIView):
    scopes: ClassVar = {"GET": Scope.OPTIMIZE_TRIGGER}

    @extend_schema(
        operation_id="job_list",
        parameters=[OpenApiParameter("before", str, description="the last job_id already read")],
        responses=JobOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the project's jobs, the newest first, at most 100 at a time."""
        project_id, before = caller(request).project_id, request.query_params.get("before")
        last = job_by_public_id(project_id, before) if before else None
        jobs = job_list(project_id, before=last, limit=PAGE)
        return Response(JobOutput(jobs, many=True).data)


class JobDetailApi(APIView):
    scopes: ClassVar = {"GET": Scope.OPTIMIZE_TRIGGER}

    @extend_schema(operation_id="job_get", responses=JobDetailOutput)
    def get(self, request: Request, job_id: str) -> Response:
        job = job_by_public_id(caller(request).project_id, job_id)
        return Response(JobDetailOutput(job).data)


class JobResultApi(APIView):
    scopes: ClassVar = {"GET": Scope.OPTIMIZE_TRIGGER}

    @extend_schema(operation_id="job_result", responses=JobResultOutput)
    def get(self, request: Request, job_id: str) -> Response:
        """Return what the job found; 409 `not_finished` while it runs."""
        job = job_by_public_id(caller(request).project_id, job_id)
        if job.state in LIVE_JOB_STATES:
            raise Conflict(f"the job is {job.state}; ask again later", code="not_finished")
        return Response(JobResultOutput(_result(job)).data)


class JobBundleApi(APIView):
    scopes: ClassVar = {"GET": Scope.OPTIMIZE_TRIGGER}
    renderer_classes = (JSONRenderer, ZipRenderer)

    @extend_schema(
        operation_id="job_bundle",
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, job_id: str) -> HttpResponse:
        """Return the run bundle, a zip for `replay --bundle`; 409 `not_finished` while it runs,
        `no_record` for a job that ended without a result."""
        job = job_by_public_id(caller(request).project_id, job_id)
        bundle = run_export(actor=caller(request), job=job)
        return HttpResponse(bundle.content, content_type=bundle.media_type, headers=bundle.headers)


class JobPromoteApi(APIView):
    scopes: ClassVar = {"POST": Scope.PROMPT_PROMOTE}

    @extend_schema(operation_id="job_promote", request=JobCancelInput, responses=WinnerOutput)
    def post(self, request: Request, job_id: str) -> Response:
        """Approve the version that the job made, on its evidence."""
        body = JobCancelInput(data=request.data)
        body.is_valid(raise_exception=True)
        job = job_by_public_id(caller(request).project_id, job_id)
        if job.result_version is None:
            raise Conflict("the job made no version", code="no_version")
        version = version_approve(
            actor=caller(request),
            version=job.result_version,
            reason=body.validated_data["reason"],
        )
        return Response(WinnerOutput(version).data)


class JobCancelApi(APIView):
    scopes: ClassVar = {"POST": Scope.OPTIMIZE_TRIGGER}

    @extend_schema(operation_id="job_cancel", request=JobCancelInput, responses=JobDetailOutput)
    def post(self, request: Request, job_id: str) -> Response:
        """Stop the job; one that runs stops within seconds and keeps its best candidate."""
        body = JobCancelInput(data=request.data)
        body.is_valid(raise_exception=True)
        job = job_by_public_id(caller(request).project_id, job_id)
        job = job_cancel(actor=caller(request), job=job, reason=body.validated_data["reason"])
        return Response(JobDetailOutput(job).data)


def _with_dataset(said: Mapping[str, Any]) -> dict[str, Any]:
    dataset_id = said.get("dataset_id")
    return {**said["config"], **({"dataset_id": str(dataset_id)} if dataset_id else {})}


def _money(amount: Any) -> str:
    return f"{amount.normalize():f}"


def _result(job: Job) -> dict[str, Any]:
    winner = job.result_version
    return {
        "job_id": job.public_id,
        "status": job.state,
        "stop_reason": job.stop_reason,
        "verdict": job.verdict,
        "winner": winner,
        "evidence": job.result.get("evidence", {}),
        "gates": gate_checks(winner, live_version(job.task)) if winner else [],
        "artifact": winner.artifact if winner else job.result.get("artifact"),
        "files": [],
    }
