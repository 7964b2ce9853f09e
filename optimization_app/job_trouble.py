"""What to say of a job that ended otherwise than planned: what was kept, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState, StopReason
from optimization_app.models import Job, Trial

NEXT: Mapping[str, object] = {
    StopReason.BUDGET_USD: gettext_lazy("Raise the budget, or ask for fewer trials or rows."),
    StopReason.BUDGET_TOKENS: gettext_lazy("Raise the cap on tokens, or ask for fewer trials."),
    StopReason.CALLS: gettext_lazy("Allow more minutes, or ask for fewer trials."),
    StopReason.TIMEOUT: gettext_lazy("Allow more minutes, up to 30, or ask for fewer trials."),
    StopReason.CANCELLED: gettext_lazy("Start it again whenever you want its answer."),
    StopReason.OVERFIT: gettext_lazy(
        "Add examples: it began to learn the train rows by heart, so more trials bring nothing."
    ),
    StopReason.PROVIDER_DOWN: gettext_lazy(
        "Test the connection; retry once its provider answers again."
    ),
    StopReason.WORKER_LOST: gettext_lazy(
        "See that a worker runs and has memory enough (“python manage.py work”), then retry."
    ),
    StopReason.ERROR: gettext_lazy(
        "Change what the message names, the prompt's settings or its rows, then retry."
    ),
}


@dataclass(frozen=True)
class Trouble:
    kept: str
    next_step: str
    is_failure: bool
    is_providers: bool


def trouble_of(job: Job, trials: Sequence[Trial]) -> Trouble | None:
    """Return None for a job that lives or ended as planned."""
    if job.state in LIVE_JOB_STATES or job.stop_reason in {"", StopReason.FINISHED}:
        return None
    return Trouble(
        kept=_kept(job, trials),
        next_step=str(NEXT.get(job.stop_reason, "")),
        is_failure=job.state == JobState.FAILED,
        is_providers=job.stop_reason == StopReason.PROVIDER_DOWN,
    )


def _kept(job: Job, trials: Sequence[Trial]) -> str:
    said = []
    if trials:
        count = len(trials)
        said.append(ngettext("%s trial", "%s trials", count) % count)
    if job.baseline_metric is not None:
        said.append(_("the score of the current prompt"))
    if job.result_version_id and job.kind == JobKind.OPTIMIZE:
        said.append(_("a draft of the best candidate"))
    kept = (
        _("Kept: %s.") % ", ".join(said) if said else _("Nothing was scored, so nothing is kept.")
    )
    if job.kind == JobKind.OPTIMIZE and job.state != JobState.SUCCEEDED:
        return kept + " " + _("The feedback it had taken is free for the next job.")
    return kept
