"""A model's own rules, said in the words services refuse with."""

from collections.abc import Collection

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from projects_app.exceptions import Conflict, InvalidInput

TAKEN = frozenset({"unique", "unique_together"})


def check_model(instance: models.Model, *, exclude: Collection[str] = ()) -> None:
    """Raise InvalidInput naming each wrong field, or Conflict when only a name is taken."""
    try:
        instance.full_clean(exclude=set(exclude))
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> InvalidInput | Conflict:
    fields = error.error_dict
    texts = {
        "" if name == NON_FIELD_ERRORS else name: " ".join(
            message for one in found for message in one.messages
        )
        for name, found in fields.items()
    }
    if all(one.code in TAKEN for found in fields.values() for one in found):
        return Conflict(" ".join(texts.values()), code="taken")
    summary = "; ".join(f"{name}: {text}" if name else text for name, text in texts.items())
    return InvalidInput(summary, errors=texts)
