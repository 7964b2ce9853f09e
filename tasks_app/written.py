"""Outputs as a person writes them into a form."""

import json
from collections.abc import Mapping
from typing import Any

from projects_app.exceptions import InvalidInput
from tasks_app.fit import declared
from tasks_app.models import Task

PREFIX = "output."


def outputs_written(task: Task, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the outputs that the fields `output.<name>` hold; raises InvalidInput."""
    names = [name.removeprefix(PREFIX) for name in form if name.startswith(PREFIX)]
    return {name: _value(task, name, form[f"{PREFIX}{name}"]) for name in names}


def _value(task: Task, name: str, text: str) -> Any:
    """Return text as it is where the task wants text, and as JSON elsewhere."""
    wanted = declared(task.output_schema).get(name, {}).get("type", "string")
    if wanted == "string":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{name} must be JSON of the type {wanted}: {error}"
        raise InvalidInput(message, errors={name: message}) from error
