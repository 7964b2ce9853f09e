"""Is the site able to do its work? Checked by asking, not by assuming."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_q.models import Schedule

from kaizen_engine.states import JobState
from optimization_app.models import Job

LOOKS_MISSED = 3
WORK = "make work"
# The backstop runs each minute wherever a worker is.
BEAT = "optimization_app.worker.reap_jobs"
BEATS_MISSED = timedelta(minutes=4)


@dataclass(frozen=True)
class Trouble:
    """What is wrong in a sentence, and the command that mends it."""

    sentence: str
    remedy: str


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database answers, else 503.

    The worker is told and not judged: no balancer should take a site away for it.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database, worker = "ok", _worker()
    except DatabaseError:
        database, worker = "unavailable", "unknown"
    is_well = database == "ok"
    body = {
        "status": "ok" if is_well else "unavailable",
        "parts": {"database": database, "worker": worker},
    }
    response = JsonResponse(body, status=200 if is_well else 503)
    response["Cache-Control"] = "no-store"
    return response


def worker_trouble(now: datetime) -> Trouble | None:
    """Say what is wrong with the workers; None while they do what they should."""
    is_late = _worker() == "late"
    beat = Schedule.objects.filter(func=BEAT).order_by("next_run").first()
    if beat is None or beat.next_run < now - BEATS_MISSED:
        return Trouble(_("No worker is running, so no job starts or goes on."), WORK)
    return Trouble(_("Jobs wait, and no worker takes them."), WORK) if is_late else None


def _worker() -> str:
    """Say `working`, `late` or `idle` (nothing to do, so nothing is known) from the jobs' rows."""
    now = timezone.now()
    patience = timedelta(seconds=LOOKS_MISSED * settings.CONFIG.reaper_period_s)
    held = Job.objects.filter(state__in=[JobState.RUNNING.value, JobState.PUBLISHING.value])
    if held.filter(lease_until__gte=now).exists():
        return "working"
    waiting = Q(state=JobState.QUEUED.value, created_at__lt=now - patience)
    lost = Q(pk__in=held.filter(lease_until__lt=now - patience).values("pk"))
    return "late" if Job.objects.filter(waiting | lost).exists() else "idle"
