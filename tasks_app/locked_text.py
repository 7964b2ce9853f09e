"""Passages of a prompt that no new version may change: a list of texts, to the letter."""

from typing import Any

from django.core.exceptions import ValidationError

MOST = 20
LONGEST = 4000


def check_locked_text(value: Any) -> None:
    """Raise ValidationError unless `value` is a short list of texts that are not blank."""
    if not isinstance(value, list) or len(value) > MOST:
        message = f"Enter a JSON list of at most {MOST} texts."
        raise ValidationError(message, code="invalid_locked_text")
    for text in value:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            message = f"Each passage is a text of 1 to {LONGEST} characters."
            raise ValidationError(message, code="invalid_locked_text")
