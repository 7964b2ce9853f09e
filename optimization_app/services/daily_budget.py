"""What a project may spend in a day, whoever starts the jobs. A day is one of UTC."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from kaizen_engine.states import LIVE_JOB_STATES
from llm_app.models import LedgerEntry
from optimization_app.amounts import in_cents
from optimization_app.models import Job, PlaygroundRun
from optimization_app.playground_models import LIVE_STATES
from projects_app.exceptions import Conflict
from projects_app.models import Project

RUN_LIFE = timedelta(minutes=10)


def refuse_over_daily_budget(job: Job) -> None:
    """Raise Conflict (daily_budget) when all that is allowed to be spent would pass the cap.

    Called in the transaction that inserted the job. The lock on the project makes starts take
    turns: whoever comes second sees the first one's job.
    """
    _refuse_over(job.task.project_id, job.budget_usd, "this job", job=job)


def refuse_run_over_daily_budget(run: PlaygroundRun) -> None:
    """Do the same for a run of the playground."""
    _refuse_over(run.task.project_id, run.budget_usd, "this run", run=run)


def _refuse_over(
    project_id: int,
    wanted: Decimal,
    name: str,
    *,
    job: Job | None = None,
    run: PlaygroundRun | None = None,
) -> None:
    capped = Project.objects.select_for_update(no_key=True).filter(daily_budget_usd__isnull=False)
    project = capped.filter(pk=project_id).first()
    if project is None or project.daily_budget_usd is None:
        return
    # What is promised is read before what is spent: a charge in between then counts twice.
    promised = promised_to_jobs(project, besides=job or Job())
    promised += promised_to_runs(project, besides=run or PlaygroundRun())
    spent = spent_today(project, timezone.now())
    if spent + promised + wanted > project.daily_budget_usd:
        message = (
            f"the project may spend {in_cents(project.daily_budget_usd)} a day: {in_cents(spent)} "
            f"is spent today, {in_cents(promised)} is promised to jobs under way, and {name} may "
            f"spend {in_cents(wanted)}"
        )
        raise Conflict(message, code="daily_budget")


def spent_today(project: Project, now: datetime) -> Decimal:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    charged = LedgerEntry.objects.filter(project=project, at__gte=midnight)
    return _sum(charged.aggregate(usd=Sum("cost_usd"))["usd"])


def promised_to_jobs(project: Project, *, besides: Job) -> Decimal:
    """Return what the live jobs may still spend."""
    live = Job.objects.filter(
        task__project=project, state__in=[state.value for state in LIVE_JOB_STATES]
    ).exclude(pk=besides.pk)
    budgets = dict(live.values_list("public_id", "budget_usd"))
    charged = LedgerEntry.objects.filter(subject__in=budgets).values_list("subject")
    spent = dict(charged.annotate(usd=Sum("cost_usd")).order_by())
    left = (max(usd - _sum(spent.get(job)), Decimal(0)) for job, usd in budgets.items())
    return sum(left, Decimal(0))


def promised_to_runs(project: Project, *, besides: PlaygroundRun) -> Decimal:
    """Return what runs of the playground may still spend; a lost one holds nothing any more."""
    lately = timezone.now() - RUN_LIFE
    live = PlaygroundRun.objects.filter(
        task__project=project, state__in=LIVE_STATES, created_at__gte=lately
    ).exclude(pk=besides.pk)
    return _sum(live.aggregate(usd=Sum("budget_usd"))["usd"])


def _sum(usd: Decimal | None) -> Decimal:
    return usd if usd is not None else Decimal(0)
