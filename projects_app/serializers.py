"""What the bodies of every API have in common."""

from typing import Any

from rest_framework import serializers


class ExactSerializer(serializers.Serializer[Any]):
    """Refuses fields that nobody reads, since a misspelt one would be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "Unknown field."))
        return super().to_internal_value(data)
