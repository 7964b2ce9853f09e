"""What this app hears from the floors below."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from feedback_app.signals import texts_redacted, threshold_reached
from optimization_app.models import InsightSighting, Job
from optimization_app.services.redaction import copies_redact
from optimization_app.services.start import job_start_automatic
from optimization_app.tellings import tell_budget, tell_draft, tell_failed, tell_regression
from projects_app.models import AuditEntry
from projects_app.signals import audited

TELLINGS = {
    "kaizen.job.failed": tell_failed,
    "kaizen.job.budget_used": tell_budget,
    "kaizen.job.succeeded": tell_draft,
}


@receiver(threshold_reached, dispatch_uid="optimization_app.start_job")
def start_job(sender: Any, *, task_id: int, **_: Any) -> None:
    job_start_automatic(task_id)


@receiver(audited, dispatch_uid="optimization_app.tell_of_job")
def tell_of_job(sender: Any, *, entry: AuditEntry, subject: Any, **_: Any) -> None:
    """Read the job anew: an UPDATE has moved it, and the caller's object may be older."""
    tell = TELLINGS.get(entry.action)
    if tell is not None and isinstance(subject, Job):
        related = ("task__project", "result_version__task__project")
        tell(Job.objects.select_related(*related).get(pk=subject.pk), entry)


@receiver(post_save, sender=InsightSighting, dispatch_uid="optimization_app.tell_of_regression")
def tell_of_sighting(instance: InsightSighting, *, created: bool, **_: Any) -> None:
    if created:
        tell_regression(instance)


@receiver(texts_redacted, dispatch_uid="optimization_app.redact_copies")
def redact_copies(sender: Any, *, feedback: Any, examples: Any, **_: Any) -> None:
    copies_redact(feedback=feedback, examples=examples)
