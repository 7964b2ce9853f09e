"""The REST door to datasets."""

from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback_app.dataset_columns import words_of_field
from feedback_app.exceptions import TooLarge
from feedback_app.models import Dataset
from feedback_app.selectors import dataset_by_public_id, dataset_list, dataset_splits
from feedback_app.services.uploads import LARGEST_FILE, Upload, dataset_upload
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.authentication import caller
from projects_app.exceptions import InvalidInput
from projects_app.models import Scope
from projects_app.serializers import ExactSerializer
from tasks_app.fit import declared
from tasks_app.models import Task
from tasks_app.selectors import task_get, task_list

PAGE = 100
# The other parts of a form are short.
LARGEST_BODY = LARGEST_FILE + 1024 * 1024
MANY = "repeated, separated by commas, or a JSON list; `column` or `column=field`"


class DatasetUploadInput(ExactSerializer):
    file = serializers.FileField(
        help_text=".csv, .tsv, .json, .jsonl, .ndjson or .yaml", allow_empty_file=True
    )
    name = serializers.CharField(max_length=200)
    input_fields = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text=MANY
    )
    output_fields = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        default=list,
        help_text=f"{MANY}; `none` for rows without a right answer",
    )
    task = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        help_text="the slug; may be left out for one task",
    )
    split = serializers.ChoiceField(
        choices=[split.value for split in Split],
        required=False,
        default="",
        allow_blank=True,
        help_text="of rows whose column `split` names none; left out, Kaizen deals them out",
    )
    is_representative = serializers.BooleanField(
        required=False, default=False, help_text="the rows are a random sample of the traffic"
    )


class LineOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    message = serializers.CharField()


class DatasetOutput(serializers.ModelSerializer[Dataset]):
    dataset_id = serializers.UUIDField(source="public_id")
    prompt_id = serializers.UUIDField(source="task.public_id", default=None)
    task = serializers.CharField(source="task.slug", default=None)
    hash = serializers.CharField(source="content_hash")
    rows = serializers.SerializerMethodField()
    splits = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields: tuple[str, ...] = (
            *("dataset_id", "name", "task", "prompt_id", "is_representative", "hash"),
            *("rows", "splits", "file_name", "created_at", "frozen_at"),
        )

    def get_rows(self, dataset: Dataset) -> int:
        return sum(self._counts(dataset).values())

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_splits(self, dataset: Dataset) -> dict[str, int]:
        """Count by split; rows that no job has dealt out yet are `undealt`."""
        return {split or "undealt": count for split, count in self._counts(dataset).items()}

    def _counts(self, dataset: Dataset) -> dict[str, int]:
        known = self.context.get("splits")
        counts = dataset_splits([dataset]) if known is None else known
        return cast(dict[str, int], counts.get(dataset.pk, {}))


class DatasetDetailOutput(DatasetOutput):
    stored = serializers.IntegerField(source="report.stored", default=0)
    failed = serializers.IntegerField(source="report.failed", default=0)
    problems = serializers.SerializerMethodField()
    leakage = serializers.JSONField(source="report.leakage", default=None)

    class Meta(DatasetOutput.Meta):
        fields = (*DatasetOutput.Meta.fields, "stored", "failed", "problems", "leakage")

    @extend_schema_field(LineOutput(many=True))
    def get_problems(self, dataset: Dataset) -> list[dict[str, Any]]:
        """List the first 1000 lines that were refused."""
        found = dataset.report.get("problems", ())
        return [{"line": line, "message": message} for line, message in found]


class DatasetUploadApi(APIView):
    scopes: ClassVar = {"POST": Scope.DATASET_WRITE}
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="dataset_upload",
        request={"multipart/form-data": DatasetUploadInput},
        responses={201: DatasetDetailOutput, 200: DatasetDetailOutput},
    )
    def post(self, request: Request) -> Response:
        """Store the rows of a CSV or JSONL file; 200 with the known dataset for the same rows."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            raise TooLarge(f"A dataset may have {LARGEST_FILE} bytes.")
        body = DatasetUploadInput(data=request.data)
        body.is_valid(raise_exception=True)
        actor, said = caller(request), body.validated_data
        upload = upload_of(said)
        task = _task(actor, said["task"], upload)
        dataset, is_new = dataset_upload(actor=actor, task=task, upload=upload)
        return Response(DatasetDetailOutput(dataset).data, status=201 if is_new else 200)


class DatasetListApi(APIView):
    scopes: ClassVar = {"GET": Scope.DATASET_WRITE}

    @extend_schema(
        operation_id="dataset_list",
        parameters=[
            OpenApiParameter("before", str, description="the last dataset_id already read")
        ],
        responses=DatasetOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the project's datasets, the newest first, at most 100 at a time."""
        project_id, before = (
            caller(request).project_id,
            request.query_params.get("before"),
        )
        last = dataset_by_public_id(project_id, before) if before else None
        datasets = list(dataset_list(project_id, before=last, limit=PAGE))
        context = {"splits": dataset_splits(datasets)}
        return Response(DatasetOutput(datasets, many=True, context=context).data)


class DatasetDetailApi(APIView):
    scopes: ClassVar = {"GET": Scope.DATASET_WRITE}

    @extend_schema(operation_id="dataset_get", responses=DatasetDetailOutput)
    def get(self, request: Request, dataset_id: str) -> Response:
        dataset = dataset_by_public_id(caller(request).project_id, dataset_id)
        return Response(DatasetDetailOutput(dataset).data)


def upload_of(said: dict[str, Any]) -> Upload:
    """Return the upload that the fields of a form describe."""
    file = said["file"]
    return Upload(
        file=file.file,
        file_name=file.name,
        size=file.size,
        name=said["name"],
        inputs=tuple(words_of_field(said["input_fields"])),
        outputs=tuple(words_of_field(said["output_fields"])),
        split=Split(said["split"]) if said["split"] else None,
        is_representative=said["is_representative"],
    )


def _task(actor: Actor, slug: str, upload: Upload) -> Task:
    """Return the task that is named, or the only one whose inputs the columns are."""
    if slug:
        return task_get(actor.project_id, slug)
    fields = {name.rpartition("=")[2].rpartition(".")[2] for name in upload.inputs}
    tasks = [
        task
        for task in task_list(actor.project_id)
        if not fields or fields == set(declared(task.input_schema))
    ]
    if len(tasks) != 1:
        message = f"name the task: {len(tasks)} of this project take these inputs"
        raise InvalidInput(message, errors={"task": message})
    return tasks[0]
