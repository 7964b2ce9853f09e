"""What the prompt routes take and answer, checked at the door and shown in the API document."""

from typing import Any

from rest_framework import serializers

from projects_app.serializers import ExactSerializer
from prompts_app.selectors import PRODUCTION, TAG_NAME

LARGEST_REVISION = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
TAG_RULE = rf"\A{TAG_NAME.pattern}\Z"


class MessageInput(ExactSerializer):
    role = serializers.ChoiceField(["system", "user"])
    content = serializers.CharField(trim_whitespace=False)


class PromptCreateInput(ExactSerializer):
    name = serializers.CharField(max_length=80)
    template = serializers.CharField(required=False, trim_whitespace=False)
    messages = MessageInput(many=True, required=False)
    input_schema = serializers.DictField(required=False)
    output_schema = serializers.DictField(required=False)
    model = serializers.CharField(
        required=False, max_length=290, help_text="<connection slug>/<model>"
    )


class PromptCreatedOutput(serializers.Serializer[Any]):
    prompt_id = serializers.UUIDField()
    version_id = serializers.UUIDField()
    number = serializers.IntegerField()
    version_hash = serializers.CharField()


class VersionCreateInput(ExactSerializer):
    template = serializers.CharField(required=False, trim_whitespace=False)
    messages = MessageInput(many=True, required=False)
    artifact = serializers.DictField(required=False, help_text="kaizen.prompt/1")
    parent = serializers.UUIDField(required=False)  # type: ignore[assignment]
    change_reason = serializers.CharField(required=False, max_length=2000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("template", "messages", "artifact") if name in attrs]
        if len(given) != 1:
            raise serializers.ValidationError(
                {"artifact": "Give one of template, messages and artifact."}
            )
        return attrs


class TagMoveInput(ExactSerializer):
    tag = serializers.RegexField(TAG_RULE, default=PRODUCTION)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    expected_revision = serializers.IntegerField(
        required=False, min_value=0, max_value=LARGEST_REVISION
    )


class PromptPromoteInput(TagMoveInput):
    version = serializers.UUIDField()


class PromptRollbackInput(TagMoveInput):
    version = serializers.UUIDField(
        required=False, help_text="What was live before, unless another version that was is named."
    )


class TagOutput(serializers.Serializer[Any]):
    prompt_id = serializers.UUIDField()
    tag = serializers.CharField()
    version = serializers.UUIDField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    revision = serializers.IntegerField()
    etag = serializers.CharField()


class PromptOutput(serializers.Serializer[Any]):
    version = serializers.UUIDField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    tag = serializers.CharField()
    artifact = serializers.DictField(help_text="kaizen.prompt/1")


class ChangedTagOutput(serializers.Serializer[Any]):
    task = serializers.CharField()
    tag = serializers.CharField()
    version = serializers.UUIDField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    etag = serializers.CharField()


class ChangesInput(ExactSerializer):
    since = serializers.IntegerField(default=0, min_value=0, max_value=LARGEST_REVISION)


class LineageInput(ExactSerializer):
    before = serializers.IntegerField(
        default=None, min_value=1, max_value=LARGEST_NUMBER, allow_null=True
    )


class ChangesOutput(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    tags = ChangedTagOutput(many=True)


class GateOutput(serializers.Serializer[Any]):
    """One check before going live, as it stands now."""

    name = serializers.CharField()
    title = serializers.CharField(help_text="What it is about, in words.")
    outcome = serializers.ChoiceField(["pass", "fail", "not_applicable"])
    reason = serializers.CharField(allow_blank=True, help_text="Why, in words.")
    figure = serializers.JSONField()
    link = serializers.CharField(allow_blank=True, help_text="Where it was measured.")


class VersionOutput(serializers.Serializer[Any]):
    version_id = serializers.UUIDField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    review_state = serializers.CharField()
    verdict = serializers.CharField()
    evidence = serializers.JSONField()
    gates = GateOutput(many=True)
    may_go_live = serializers.BooleanField(help_text="On its evidence, as everything stands now.")
    artifact = serializers.DictField(help_text="kaizen.prompt/1")


class DiffSpanOutput(serializers.Serializer[Any]):
    op = serializers.ChoiceField(["equal", "insert", "delete"])
    text = serializers.CharField(trim_whitespace=False)


class TextChangeOutput(serializers.Serializer[Any]):
    """Empty where the text is the same."""

    system = DiffSpanOutput(many=True)
    user_template = DiffSpanOutput(many=True)


class GainOutput(serializers.Serializer[Any]):
    gain = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    p = serializers.FloatField()
    n = serializers.IntegerField()


class LineageStepOutput(serializers.Serializer[Any]):
    version_id = serializers.UUIDField()
    number = serializers.IntegerField()
    text = TextChangeOutput()
    demos_added = serializers.ListField(child=serializers.JSONField())
    demos_removed = serializers.ListField(child=serializers.JSONField())
    gain = GainOutput(allow_null=True)


class LineageOutput(serializers.Serializer[Any]):
    version_id = serializers.UUIDField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    review_state = serializers.CharField()
    verdict = serializers.CharField()
    change_reason = serializers.CharField(allow_blank=True)
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    tags = serializers.ListField(child=serializers.CharField())
    parents = LineageStepOutput(many=True)
