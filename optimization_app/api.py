"""The REST door to jobs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from optimization_app.selectors import job_by_public_id, job_list
from optimization_app.serializers import (
    JobCancelInput,
    JobDetailOutput,
    JobOutput,
    JobResultOutput,
    OptimizationStartInput,
    WinnerOutput,
)
from optimization_app.services.bundle import RunBundle, run_export
from optimization_app.services.cancel import job_cancel
from optimization_app.services.promote import job_promote, job_result
from optimization_app.services.start import job_start
from projects_app.authentication import caller
from projects_app.models import Scope
from tasks_app.selectors import task_by_public_id

PAGE = 100


class ZipRenderer(JSONRenderer):
    """Lets a client ask for a zip; a problem is JSON all the same."""

    media_type = RunBundle.media_type
    format = "zip"


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
        return Response(JobResultOutput(job_result(job)).data)


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
        reason = body.validated_data["reason"]
        version = job_promote(actor=caller(request), job=job, reason=reason)
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
