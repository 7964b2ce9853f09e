"""Fills every stored text with one that means harm, wherever the database lets it stand."""

import re
from typing import Any

from django.apps import apps
from django.db import models

from prompts_app.models import PromptVersion
from tests.factories.projects import AuditEntryFactory
from tests.factories.prompts import PromptVersionFactory

MARK = "kzhit"
# A formula for spreadsheets, tags, an attribute's end, a link of markdown, overrides of direction.
HOSTILE = (
    f"=HYPERLINK(1)<script>window.{MARK}=1</script><img src=x onerror=window.{MARK}=1>"
    f"\"'><svg onload=window.{MARK}=1>[a](javascript:window.{MARK}=1)\u202e\u2066evil\u202d"
)
LONG_LINE = "x" * 1_000_000
# Keys, addresses and states: no stranger writes them, and another word would break the row.
FIXED = re.compile(
    r"slug|hash|secret|token_|prefix|cron|model$|tag$|kind|path$|key$|head$|branch|sha$|object_|optimizer"
    r"|trigger|password|username|email|time_zone|phase|worker|base_url|^url$|^link$|group$|label$|route"
    r"|event_id|part$|state$|purpose|role|request_id|again|name$"
)
NAMED = frozenset(
    {"Project", "Task", "Dataset", "ApiKey", "Insight", "FileImport", "Channel", "User"}
)
# What a person, an application or a model put there; the rest of JSON is our own bookkeeping.
TEXTS_IN_JSON = frozenset(
    {
        *("inputs", "output", "outputs", "corrected_output", "rated_output", "metadata"),
        *("reasons", "answer", "reference", "rows"),
    }
)
TASK_FIELDS = frozenset({"label", "text"})
IMMUTABLE = frozenset({"PromptVersion", "AuditEntry"})


def spoil() -> dict[str, int]:
    """Return how many rows of each field were spoilt."""
    done: dict[str, int] = {}
    for model in apps.get_models():
        if model._meta.app_label.endswith("_app") and model.__name__ not in IMMUTABLE:
            for field in model._meta.concrete_fields:
                spoilt = _spoil_field(model, field)
                if spoilt:
                    done[f"{model.__name__}.{field.name}"] = spoilt
    return done


def _spoil_field(model: type[models.Model], field: Any) -> int:
    rows = model._default_manager
    if isinstance(field, models.JSONField):
        return _spoil_json(model, field) if field.name in TEXTS_IN_JSON else 0
    if not isinstance(field, models.CharField | models.TextField) or field.choices or field.unique:
        return 0
    is_name = field.name in ("name", "first_name", "last_name") and model.__name__ in NAMED
    if FIXED.search(field.name) and not is_name:
        return 0
    spoilt = 0
    for row in rows.all():
        text = HOSTILE if field.max_length is None else HOSTILE[: field.max_length]
        if is_name:
            # Names are told apart within a project.
            text = text[: (field.max_length or 90) - 8] + f"{row.pk:08d}"
        spoilt += rows.filter(pk=row.pk).update(**{field.name: text})
    if field.max_length is None and spoilt:
        last = rows.order_by("-pk").values("pk")[:1]
        rows.filter(pk__in=[one["pk"] for one in last]).update(**{field.name: HOSTILE + LONG_LINE})
    return spoilt


def _spoil_json(model: type[models.Model], field: Any) -> int:
    spoilt = 0
    for row in model._default_manager.exclude(**{field.name: None}):
        value = _worse(getattr(row, field.name))
        spoilt += model._default_manager.filter(pk=row.pk).update(**{field.name: value})
    return spoilt


def _worse(value: Any) -> Any:
    """Return the value with each text replaced; names of fields stay, as schemas fix them."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list):
        return [_worse(one) for one in value]
    if isinstance(value, dict):
        return {name: _worse(one) for name, one in value.items()}
    return value


def hostile_version(draft: PromptVersion) -> PromptVersion:
    """Return a version whose every text means harm: instruction, demonstrations, reason, author."""
    harm = {
        "system": HOSTILE,
        "demos": [{"inputs": {"text": HOSTILE}, "outputs": {"label": HOSTILE}}],
    }
    return PromptVersionFactory(
        task=draft.task,
        number=900,
        parents=[draft.parents.get()],
        artifact={**draft.artifact, **harm},
        author_label=HOSTILE[:100],
        change_reason=HOSTILE + LONG_LINE,
    )


def hostile_entry(draft: PromptVersion) -> None:
    AuditEntryFactory(
        project=draft.task.project,
        actor=HOSTILE[:200],
        reason=HOSTILE + LONG_LINE,
        data={"before": HOSTILE, "after": LONG_LINE, HOSTILE: [HOSTILE]},
    )
