"""What django-q2 calls. Each function may be called twice, late or by two workers at once."""

import logging
import time

from django.utils import timezone

from projects_app.notification_log import deliveries_due
from projects_app.services.deliveries import delivery_try

logger = logging.getLogger(__name__)

# Under the queue's time limit with one slow receiver more; the next minute goes on from there.
LONGEST_ROUND_S = 60


def deliver(delivery_id: int) -> str:
    """Make one try, if it is due and nobody else is at it; return how it ended."""
    return delivery_try(delivery_id)


def sweep_deliveries() -> int:
    """Send all that is due: what failed before, and what a lost message left behind."""
    until, tried = time.monotonic() + LONGEST_ROUND_S, 0
    for delivery_id in deliveries_due(timezone.now()):
        if time.monotonic() > until:
            break
        try:
            delivery_try(delivery_id)
        except Exception:
            logger.exception("the delivery %d could not be tried", delivery_id)
        tried += 1
    return tried
