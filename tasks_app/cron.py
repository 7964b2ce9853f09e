"""When a task's schedule comes: cron of five fields, read in UTC."""

import re
from datetime import datetime

from croniter import croniter
from croniter.croniter import CroniterError
from django.core.exceptions import ValidationError

FIELDS = 5
# croniter would draw these anew at each look, so that the time shown would not be the time kept.
DRAWN = re.compile(r"(?<![a-z])[rh](?![a-z])", re.IGNORECASE)


def next_time(cron: str, after: datetime) -> datetime:
    """Return the first time of the schedule later than `after`. Raises ValueError in words."""
    if len(cron.split()) != FIELDS:
        message = "must have five fields: minute, hour, day, month, day of the week"
        raise ValueError(message)
    if DRAWN.search(cron):
        message = "may not leave a time to chance"
        raise ValueError(message)
    try:
        found: datetime = croniter(cron, after).get_next(datetime)
    except (CroniterError, ValueError) as error:
        message = f"is no schedule that ever comes: {error}"
        raise ValueError(message) from error
    return found


def check_cron(cron: str) -> None:
    """Refuse what never comes; as the field's validator it is asked of no empty text."""
    try:
        next_time(cron, datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    except ValueError as error:
        message = f"{cron!r} {error}"
        raise ValidationError(message, code="invalid") from error
