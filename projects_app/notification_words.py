"""What a notification says: a title, figures in words, a link to look. Nothing acts on a click."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from projects_app.models import Event, Notification

EVENT_WORDS = {
    Event.DRAFT_READY: gettext_lazy("Draft ready"),
    Event.JOB_FAILED: gettext_lazy("Job failed"),
    Event.BUDGET_80: gettext_lazy("80 % of a budget used"),
    Event.PROMOTED: gettext_lazy("Version promoted"),
    Event.ROLLED_BACK: gettext_lazy("Rolled back"),
    Event.REGRESSED: gettext_lazy("Regression"),
    Event.TEST: gettext_lazy("Test message"),
}
MEANINGS = {
    Event.DRAFT_READY: gettext_lazy("a job has found a version that waits for a decision"),
    Event.JOB_FAILED: gettext_lazy("a job ended without a result"),
    Event.BUDGET_80: gettext_lazy("a job has used four fifths of its money or tokens"),
    Event.PROMOTED: gettext_lazy("another version went live"),
    Event.ROLLED_BACK: gettext_lazy("an earlier version is live again"),
    Event.REGRESSED: gettext_lazy("a topic that was solved fails again"),
}
LABELS = {
    "prompt": gettext_lazy("Prompt"),
    "version": gettext_lazy("Version"),
    "replaced": gettext_lazy("Instead of version"),
    "job": gettext_lazy("Job"),
    "verdict": gettext_lazy("Verdict"),
    "score_before": gettext_lazy("Score before"),
    "score_after": gettext_lazy("Score after"),
    "low": gettext_lazy("Gain at least"),
    "high": gettext_lazy("Gain at most"),
    "rows": gettext_lazy("Rows compared"),
    "failures": gettext_lazy("Rows that fail"),
    "scored": gettext_lazy("Rows scored"),
    "stop_reason": gettext_lazy("Stopped by"),
    "basis": gettext_lazy("On the basis of"),
    "by": gettext_lazy("By"),
    "percent": gettext_lazy("Budget used"),
    "spent_usd": gettext_lazy("Spent"),
    "budget_usd": gettext_lazy("Budget"),
    "asked_by": gettext_lazy("Asked by"),
}
SHARES = frozenset({"score_before", "score_after"})
POINTS = frozenset({"low", "high"})


def title_of(notification: Notification) -> str:
    """Return one line: the event, the prompt's short name and the version's number."""
    facts = notification.facts
    title = str(EVENT_WORDS[Event(notification.event)])
    if facts.get("prompt"):
        title += f": {facts['prompt']}"
    if facts.get("version"):
        title += " " + _("version %(number)s") % {"number": facts["version"]}
    return title


def lines_of(notification: Notification) -> list[tuple[str, str]]:
    facts: Mapping[str, Any] = notification.facts
    return [
        (str(label), _said(name, facts[name]))
        for name, label in LABELS.items()
        if facts.get(name) not in (None, "")
    ]


def link_of(notification: Notification) -> str:
    return urljoin(settings.CONFIG.base_url, notification.path)


def text_of(notification: Notification) -> str:
    """Return the message as plain text."""
    figures = [f"{label}: {said}" for label, said in lines_of(notification)]
    head = _("Project: %(slug)s") % {"slug": notification.project.slug}
    return "\n".join([head, *figures, "", link_of(notification)])


def _said(name: str, value: Any) -> str:
    if name in SHARES:
        return f"{value:.1%}"
    if name in POINTS:
        return _("%(points)s points") % {"points": f"{100 * value:+.1f}"}
    if name.endswith("_usd"):
        return _money(float(value))
    if name == "percent":
        return f"{value} %"
    return (
        str(value).replace("_", " ") if name in {"verdict", "stop_reason", "basis"} else str(value)
    )


def _money(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.1 or not usd else f"${float(f'{usd:.2g}'):f}".rstrip("0")
