"""Half and four fifths of a budget: told once each, however often the job is begun anew."""

from decimal import Decimal
from functools import partial

from django.db import transaction

from kaizen_engine.llm.meter import Spent
from optimization_app.models import BudgetEvent, Job
from optimization_app.signals import budget_used
from projects_app.actors import Actor
from projects_app.services.audit import audit_record

PERCENTS = (50, 80)


class BudgetWatch:
    """Compares what is spent with the budget; asks the database only when a line is crossed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._untold = list(PERCENTS)

    def look(self, spent: Spent) -> None:
        used = share_used(self._job, spent)
        for percent in [one for one in self._untold if used * 100 >= one]:
            budget_event_record(job=self._job, percent=percent, spent=spent)
            self._untold.remove(percent)


def share_used(job: Job, spent: Spent) -> Decimal:
    """Return the part of the budget that is gone, of money or of tokens, whichever is more."""
    caps = ((spent.usd, job.budget_usd), (Decimal(spent.tokens), job.budget_tokens))
    return max((used / cap for used, cap in caps if cap), default=Decimal(0))


@transaction.atomic
def budget_event_record(*, job: Job, percent: int, spent: Spent) -> bool:
    """Tell that a line was crossed, unless an earlier attempt has; return whether it is news."""
    facts = {"spent_usd": spent.usd, "spent_tokens": spent.tokens}
    _, is_new = BudgetEvent.objects.get_or_create(job=job, percent=percent, defaults=facts)
    if is_new:
        audit_record(
            actor=Actor.system(job.task.project_id),
            action="kaizen.job.budget_used",
            subject=job,
            percent=percent,
            spent_usd=f"{spent.usd:f}",
            budget_usd=f"{job.budget_usd:f}",
        )
        transaction.on_commit(
            partial(budget_used.send_robust, sender=Job, job_id=job.pk, percent=percent)
        )
    return is_new
