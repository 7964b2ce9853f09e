"""Storing which version each API key got. The door only notes it; a thread writes it down."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from prompts_app.models import ClientSighting

EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Sighting:
    api_key_id: int
    task_id: int
    tag: str
    version_id: int
    seen_at: datetime


@transaction.atomic
def sightings_store(sightings: Iterable[Sighting]) -> int:
    """Store what is news and return how many rows that took.

    A row is written again when it is a minute old or names another version; of two processes that
    saw the same key the later one stays.
    """
    return sum(_store(one) for one in sightings)


def _store(one: Sighting) -> int:
    row = {"api_key_id": one.api_key_id, "task_id": one.task_id, "tag": one.tag}
    what = {"version_id": one.version_id, "seen_at": one.seen_at}
    known = ClientSighting.objects.filter(**row)
    is_old = Q(seen_at__lte=one.seen_at - EVERY)
    is_other = ~Q(version_id=one.version_id) & Q(seen_at__lt=one.seen_at)
    written = known.filter(is_old | is_other).update(**what)
    if written or known.exists():
        return written
    # A twin that inserted it meanwhile is as good: the constraint keeps one.
    made = ClientSighting.objects.bulk_create(
        [ClientSighting(**row, **what)], ignore_conflicts=True
    )
    return len(made)
