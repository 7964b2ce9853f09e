"""Where a job stands at this moment, in the words of its page."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from kaizen_engine.optimize.estimate import Rows, planned_trials
from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState
from llm_app.gateways import breaker_key
from llm_app.models import BreakerState, BreakerWord, Connection
from optimization_app.config import JobConfig
from optimization_app.models import Job, Trial
from optimization_app.selectors import job_sentence
from optimization_app.services.estimate import search_settings

# A worker takes a waiting job within seconds where one runs.
PATIENCE = timedelta(seconds=30)
# Less progress than this says nothing about the rest.
LEAST_PROGRESS = 10


def state_sentence(job: Job, trials: Sequence[Trial]) -> str:
    """Say where it stands, while it searches by the number of the last trial."""
    if job.state != JobState.RUNNING or job.phase != "search" or not trials:
        return job_sentence(job)
    done, planned = trials[-1].number, trials_planned(job)
    said = _("Trial %(done)s of %(planned)s") if planned >= done else _("Trial %(done)s")
    said %= {"done": done, "planned": planned}
    if job.current_best_metric is not None:
        said += _(", best %(best)s") % {"best": f"{job.current_best_metric:.1%}"}
    if job.cancel_requested:
        return said + _("; it was asked to stop.")
    return f"{said}."


def trials_planned(job: Job) -> int:
    """Return how many trials the search reports at most; 0 where that was not estimated."""
    rows = job.estimate.get("rows")
    if not rows or job.kind != JobKind.OPTIMIZE:
        return 0
    counts = Rows(rows["train"], rows["dev"], rows["test"])
    return planned_trials(job.optimizer, search_settings(JobConfig.from_json(job.config)), counts)


def time_left(job: Job) -> str:
    """Extrapolate from the progress so far; nothing until there is something to go by."""
    if job.state not in LIVE_JOB_STATES or not job.started_at or job.progress < LEAST_PROGRESS:
        return ""
    left = (timezone.now() - job.started_at) * (100 - job.progress) / job.progress
    if job.deadline_at:
        left = min(left, job.deadline_at - timezone.now())
    if left < timedelta(seconds=60):
        return _("less than a minute left")
    return _("about %(minutes)s min left") % {"minutes": round(left.total_seconds() / 60)}


def live_warnings(job: Job) -> list[str]:
    """Return what keeps a live job waiting, with what to do about it."""
    if job.state not in LIVE_JOB_STATES:
        return []
    return [said for said in (_worker_warning(job), *_breaker_warnings(job)) if said]


def _worker_warning(job: Job) -> str:
    now = timezone.now()
    if job.state == JobState.QUEUED:
        if now - job.created_at < PATIENCE:
            return ""
        return _(
            "No worker has taken it yet. One task of a worker is one job: where none is free it "
            "waits its turn, and where none runs, start one with “python manage.py work”."
        )
    if job.lease_until and job.lease_until < now:
        return _(
            "Its worker has gone silent. Another one takes over within three minutes and pays for "
            "no answer twice; where none runs, start one with “python manage.py work”."
        )
    return ""


def _breaker_warnings(job: Job) -> list[str]:
    slugs = {name.partition("/")[0] for name in JobConfig.from_json(job.config).models}
    known = Connection.objects.filter(project=job.task.project_id, slug__in=slugs)
    keys = {breaker_key(one): one.slug for one in known.select_related("project")}
    broken = BreakerState.objects.filter(key__in=keys, state=BreakerWord.OPEN.value)
    return [_breaker_sentence(keys[one.key], one) for one in broken.exclude(opened_at=None)]


def _breaker_sentence(slug: str, breaker: Any) -> str:
    again = breaker.opened_at + timedelta(seconds=settings.CONFIG.breaker_reset_s)
    return _(
        "Calls to %(connection)s failed %(failures)s times and are held back until %(time)s UTC; "
        "then one is tried."
    ) % {"connection": slug, "failures": breaker.failures, "time": f"{again:%H:%M:%S}"}
