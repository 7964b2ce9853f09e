"""What this app hears from the floors below."""

from typing import Any

from django.dispatch import receiver

from feedback_app.signals import threshold_reached
from optimization_app.services.start import job_start_automatic


@receiver(threshold_reached, dispatch_uid="optimization_app.start_job")
def start_job(sender: Any, *, task_id: int, **_: Any) -> None:
    job_start_automatic(task_id)
