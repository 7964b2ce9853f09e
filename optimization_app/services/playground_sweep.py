"""Finding runs of the playground that a lost message or a lost worker has left behind."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from optimization_app.models import PlaygroundRun
from optimization_app.playground_models import LIVE_STATES, PlaygroundState
from optimization_app.queue import try_out
from optimization_app.services.daily_budget import RUN_LIFE

FORGOTTEN = timedelta(seconds=60)
TOO_LATE = "No worker took it in time. Run it again once one works."


@dataclass(frozen=True)
class Swept:
    woken: int
    ended: int


def playground_sweep(*, now: datetime | None = None) -> Swept:
    """Send for the runs that wait too long, and end those that nobody waits for any more."""
    now = now or timezone.now()
    live = PlaygroundRun.objects.filter(state__in=LIVE_STATES)
    is_held = Q(state=PlaygroundState.RUNNING.value, claimed_until__gte=now)
    stale = live.exclude(is_held)
    ended = stale.filter(created_at__lt=now - RUN_LIFE).update(
        state=PlaygroundState.FAILED.value, error=TOO_LATE, finished_at=now, claimed_until=None
    )
    waiting = stale.filter(created_at__lt=now - FORGOTTEN).values_list("pk", flat=True)
    found = list(waiting)
    for run_id in found:
        try_out(run_id)
    return Swept(len(found), ended)
