"""The prompt routes: what is live, what changed, new versions, and moving a tag."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaizen_engine.states import GateBasis
from projects_app.authentication import caller
from projects_app.models import Project, Scope
from prompts_app.lineage import lineage
from prompts_app.models import PromptVersion, Tag
from prompts_app.selectors import (
    PRODUCTION,
    changes_since,
    etag_of,
    live_prompt,
    live_version,
    version_get,
)
from prompts_app.serializers import (
    ChangesInput,
    ChangesOutput,
    LineageInput,
    LineageOutput,
    PromptCreatedOutput,
    PromptCreateInput,
    PromptOutput,
    PromptPromoteInput,
    PromptRollbackInput,
    TagOutput,
    VersionCreateInput,
    VersionOutput,
)
from prompts_app.services.checks import gate_checks, measured
from prompts_app.services.prompts import prompt_create, prompt_version_add
from prompts_app.services.tags import tag_rollback, version_promote
from prompts_app.sightings import book
from tasks_app.models import Task
from tasks_app.selectors import task_by_public_id


class PromptGetApi(APIView):
    """The hot path: bytes made ready, no serializer, no query while they are fresh."""

    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(
        operation_id="prompt_get",
        summary="The prompt that is live under a tag",
        parameters=[
            OpenApiParameter("tag", str, default=PRODUCTION),
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={200: PromptOutput, 304: OpenApiResponse(description="Still what you have")},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        actor, tag = caller(request), request.GET.get("tag", PRODUCTION)
        live = live_prompt(actor.project_id, slug, tag)
        if actor.key_id is not None:
            book.note(actor.key_id, live, tag)
        offered = request.META.get("HTTP_IF_NONE_MATCH", "")
        if offered and _matches(offered, live.etag):
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(live.body, content_type="application/json")
            response["Content-Length"] = str(len(live.body))
        response["ETag"] = live.etag
        response["Cache-Control"] = "private, no-cache"
        return response


def _matches(offered: str, etag: str) -> bool:
    if offered == etag:
        return True
    known = [one.removeprefix("W/") for one in parse_etags(offered)]
    return etag in known or known == ["*"]


class ChangeListApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(
        operation_id="changes_list",
        summary="Which tags moved after a revision",
        parameters=[OpenApiParameter("since", OpenApiTypes.INT64, default=0)],
        responses=ChangesOutput,
    )
    def get(self, request: Request) -> Response:
        query = ChangesInput(data=request.GET.dict())
        query.is_valid(raise_exception=True)
        return Response(changes_since(caller(request).project_id, query.validated_data["since"]))


class PromptCreateApi(APIView):
    """Needs `prompt:write` as well, which the service asks for."""

    scopes: ClassVar = {"POST": Scope.TASK_CREATE}

    @extend_schema(
        operation_id="prompt_create",
        summary="Create a task and version 1 of its prompt (task:create and prompt:write)",
        request=PromptCreateInput,
        responses={201: PromptCreatedOutput},
    )
    def post(self, request: Request) -> Response:
        fields = _checked(PromptCreateInput, request)
        task, version = prompt_create(
            actor=caller(request),
            project=Project.objects.get(pk=caller(request).project_id),
            student=fields.pop("model", ""),
            **fields,
        )
        return Response(_created(task, version), status=201)


class VersionCreateApi(APIView):
    scopes: ClassVar = {"POST": Scope.PROMPT_WRITE}

    @extend_schema(
        operation_id="version_create",
        summary="Add a version; a text that is known already answers 200",
        request=VersionCreateInput,
        responses={200: PromptCreatedOutput, 201: PromptCreatedOutput},
    )
    def post(self, request: Request, prompt_id: UUID) -> Response:
        task = task_by_public_id(caller(request).project_id, prompt_id)
        fields = _checked(VersionCreateInput, request)
        parent = fields.pop("parent", None)
        parents = [version_get(task, parent)] if parent else []
        version, is_new = prompt_version_add(
            actor=caller(request), task=task, parents=parents, **fields
        )
        return Response(_created(task, version), status=201 if is_new else 200)


class PromptVersionApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(
        operation_id="prompt_version_get",
        summary="A version with its evidence, and every check before it may go live",
        responses=VersionOutput,
    )
    def get(self, request: Request, prompt_id: UUID, version_id: UUID) -> Response:
        task = task_by_public_id(caller(request).project_id, prompt_id)
        version = version_get(task, version_id)
        found, checks = measured(version), gate_checks(version, live_version(task))
        facts = {
            "version_id": version.public_id,
            "number": version.number,
            "hash": version.hash,
            "review_state": version.review_state,
            "verdict": found.verdict,
            "evidence": found.summary,
            "gates": checks,
            "may_go_live": not any(check.is_failed for check in checks),
            "artifact": version.artifact,
        }
        return Response(VersionOutput(facts).data)


class PromptLineageApi(APIView):
    scopes: ClassVar = {"GET": Scope.PROMPT_READ}

    @extend_schema(
        operation_id="prompt_lineage",
        summary="The latest 100 versions, their parents, what changed and what it gained",
        parameters=[OpenApiParameter("before", int, description="the lowest number already read")],
        responses=LineageOutput(many=True),
    )
    def get(self, request: Request, prompt_id: UUID) -> Response:
        query = LineageInput(data=request.GET.dict())
        query.is_valid(raise_exception=True)
        task = task_by_public_id(caller(request).project_id, prompt_id)
        found = lineage(task, before=query.validated_data["before"])
        return Response(LineageOutput(found, many=True).data)


class PromptPromoteApi(APIView):
    scopes: ClassVar = {"POST": Scope.PROMPT_PROMOTE}

    @extend_schema(
        operation_id="prompt_promote",
        summary="Make a version live, on its evidence or as the first one",
        request=PromptPromoteInput,
        responses=TagOutput,
    )
    def post(self, request: Request, prompt_id: UUID) -> Response:
        task = task_by_public_id(caller(request).project_id, prompt_id)
        fields = _checked(PromptPromoteInput, request)
        fields["version"] = version_get(task, fields["version"])
        is_first = live_version(task) is None
        basis = GateBasis.IMPORT if is_first else GateBasis.EVIDENCE
        tag = version_promote(actor=caller(request), task=task, basis=basis, **fields)
        return Response(_moved(task, tag))


class PromptRollbackApi(APIView):
    scopes: ClassVar = {"POST": Scope.PROMPT_PROMOTE}

    @extend_schema(
        operation_id="prompt_rollback",
        summary="Put back a version that was live before",
        request=PromptRollbackInput,
        responses=TagOutput,
    )
    def post(self, request: Request, prompt_id: UUID) -> Response:
        task = task_by_public_id(caller(request).project_id, prompt_id)
        fields = _checked(PromptRollbackInput, request)
        if "version" in fields:
            fields["version"] = version_get(task, fields["version"])
        tag = tag_rollback(actor=caller(request), task=task, **fields)
        return Response(_moved(task, tag))


def _checked(kind: type[Any], request: Request) -> dict[str, Any]:
    form = kind(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _created(task: Task, version: PromptVersion) -> dict[str, Any]:
    return {
        "prompt_id": str(task.public_id),
        "version_id": str(version.public_id),
        "number": version.number,
        "version_hash": version.hash,
    }


def _moved(task: Task, tag: Tag) -> dict[str, Any]:
    return {
        "prompt_id": str(task.public_id),
        "tag": tag.name,
        "version": str(tag.version.public_id),
        "number": tag.version.number,
        "hash": tag.version.hash,
        "revision": tag.revision,
        "etag": etag_of(tag),
    }
