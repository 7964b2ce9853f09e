"""The last lines of what happened to a job: its audit entries, its durable steps, its trials."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from optimization_app.models import Job, Trial
from projects_app.models import AuditEntry

LINES = 15
STEPS: Mapping[str, object] = {
    "prepared": gettext_lazy("Its rows were chosen and frozen."),
    "outcome": gettext_lazy("Its outcome was stored."),
    "draft": gettext_lazy("The draft was saved."),
}


@dataclass(frozen=True)
class LogLine:
    at: datetime
    text: str
    who: str = ""


def log_of(job: Job, trials: Sequence[Trial]) -> list[LogLine]:
    """Return the newest lines first."""
    entries = AuditEntry.objects.filter(object_type="job", object_id=str(job.public_id))
    lines = [
        *(_entry_line(entry) for entry in entries.order_by("-id")[:LINES]),
        *_step_lines(job),
        *(_trial_line(trial) for trial in trials[-LINES:]),
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:LINES]


def _step_lines(job: Job) -> Iterable[LogLine]:
    for name, at in job.steps.values_list("name", "created_at"):
        if name in STEPS:
            yield LogLine(at, str(STEPS[name]))


def _trial_line(trial: Trial) -> LogLine:
    facts = {"number": trial.number, "score": f"{trial.score:.1%}", "rows": trial.rows}
    return LogLine(trial.created_at, _("Trial %(number)s: %(score)s on %(rows)s rows.") % facts)


def _entry_line(entry: AuditEntry) -> LogLine:
    words = ACTIONS.get(entry.action.removeprefix("kaizen.job."))
    text = words(entry.data) if words else entry.action
    if entry.reason:
        text = f"{text} {entry.reason}"
    return LogLine(entry.at, text, entry.actor)


def _claimed(data: Mapping[str, Any]) -> str:
    return str(_("A worker took it, attempt %s.") % data.get("attempt", ""))


def _budget_used(data: Mapping[str, Any]) -> str:
    return str(_("%s %% of the budget was used.") % data.get("percent", ""))


def _asked_to_stop(data: Mapping[str, Any]) -> str:
    kept = _("It was asked to stop and keep its best.")
    return kept if data.get("keep_best") else _("It was asked to stop.")


def _said(text: object) -> Callable[[Mapping[str, Any]], str]:
    return lambda _data: str(text)


ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "queued": _said(gettext_lazy("It was queued.")),
    "claimed": _claimed,
    "budget_used": _budget_used,
    "cancel_requested": _asked_to_stop,
    "publishing": _said(gettext_lazy("The search ended; the result is being saved.")),
    "succeeded": _said(gettext_lazy("It ended with a result.")),
    "failed": _said(gettext_lazy("It failed.")),
    "cancelled": _said(gettext_lazy("It was cancelled.")),
    "exported": _said(gettext_lazy("Its run bundle was downloaded.")),
}
