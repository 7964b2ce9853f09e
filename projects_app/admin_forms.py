"""Forms that hand what a person typed to a service, and say its refusal in its place."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.db import models, transaction
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest

from kaizen_engine.errors import KaizenError
from projects_app.exceptions import InvalidInput
from projects_app.payload import PayloadRefused, check_payload


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that saves through a service, so that a refusal stands beside its field."""

    def perform(self) -> models.Model | None:
        """Call the service; `get_form` of the admin binds this."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        # The service says in words what a constraint would only call by its name.
        self.instance.validate_constraints = lambda exclude=None: None
        super()._post_clean()  # type: ignore[misc]
        del self.instance.validate_constraints
        if self.errors:
            return
        try:
            with transaction.atomic():
                saved = self.perform()
        except InvalidInput as error:
            for name, text in (error.errors or {"": str(error)}).items():
                field, _, place = name.partition(".")
                self.add_error(
                    field if field in self.fields else None, f"{place} {text}" if place else text
                )
        except KaizenError as error:
            self.add_error(None, str(error))
        else:
            self.instance = saved or self.instance


class JsonObjectField(forms.JSONField):
    """A JSON object as strict as the API's: no NaN, no NUL, no bottomless nesting."""

    default_error_messages = {"object": "Enter a JSON object, as in {}."}  # noqa: RUF012

    def to_python(self, value: Any) -> Any:
        try:
            read = msgspec.json.decode(value) if isinstance(value, str) and value else value
            check_payload(read)
        except RecursionError as error:
            raise forms.ValidationError("It nests too deep.") from error
        except (msgspec.DecodeError, UnicodeError, PayloadRefused) as error:
            raise forms.ValidationError(f"This is not acceptable JSON: {error}") from error
        if read in self.empty_values:
            return {}
        if not isinstance(read, dict):
            raise forms.ValidationError(self.error_messages["object"], code="object")
        return read

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show again what was typed, as it was typed."""
        return InvalidJSONInput(data) if isinstance(data, str) else data

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except forms.ValidationError:
            return True


class ReasonForm(forms.Form):
    reason = forms.CharField(required=False, max_length=500)


def decide(request: HttpRequest, perform: Callable[[str], object], success: str) -> None:
    """Call a service with the reason that was posted, and say how it ended as a message."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Reason: " + " ".join(map(str, form.errors["reason"])))
        return
    try:
        perform(form.cleaned_data["reason"])
    except KaizenError as error:
        messages.error(request, _sentence(str(error)))
    else:
        messages.success(request, success)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
