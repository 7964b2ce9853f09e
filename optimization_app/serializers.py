"""What the API takes and answers about jobs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from optimization_app.amounts import plain_usd
from optimization_app.models import Job, Trial
from optimization_app.selectors import job_sentence, search_report
from projects_app.serializers import ExactSerializer
from prompts_app.models import PromptVersion
from prompts_app.serializers import GateOutput


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
        return {"usd": plain_usd(job.spent_usd), "tokens": job.spent_tokens, "calls": job.calls}

    @extend_schema_field(BudgetOutput)
    def get_budget(self, job: Job) -> dict[str, Any]:
        return {
            "usd": plain_usd(job.budget_usd),
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
