"""The child: one attempt at one job. Nothing that happens in here may keep the job from ending."""

import logging
import signal
from dataclasses import replace
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, KaizenError, StoreUnavailable
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.optimize.estimate import Rows, planned_trials
from kaizen_engine.optimize.outcome import JobOutcome
from kaizen_engine.states import JobKind, JobState, StopReason
from llm_app.answer_cache import CachingJournal
from llm_app.gateways import gateway_for
from llm_app.journal import DatabaseJournal
from llm_app.writer import GroupCommitWriter, LostLease
from optimization_app.config import JobConfig
from optimization_app.evaluation_run import evaluate
from optimization_app.models import Job, Step
from optimization_app.pulse import Pulse
from optimization_app.queue import wake
from optimization_app.recorder import JobRecorder
from optimization_app.services.budget_events import BudgetWatch
from optimization_app.services.finish import job_fail
from optimization_app.services.lease import fence_holds, lease_release
from optimization_app.services.moves import held_by, job_move
from optimization_app.services.prepare import Prepared, job_prepare
from optimization_app.services.publish import OUTCOME, job_publish, outcome_close
from projects_app.actors import Actor

logger = logging.getLogger(__name__)


def run_claimed_job(job_id: int, fence: int) -> None:
    """Work on the job whose claim has this fence; whoever lost it leaves without a trace."""
    related = "task__project", "seed_version", "result_version", "started_by"
    mine = Job.objects.filter(held_by(fence), pk=job_id)
    job = mine.select_related(*related).first()
    if job is None:
        logger.warning("the job is somebody else's by now")
        return
    try:
        _attempt(job, fence)
    except (LostLease, JobAbort) as error:
        logger.warning("%s", error)
    except (StoreUnavailable, OperationalError, InterfaceError):
        # The database will be back and what was paid for is in it: the supervisor requeues.
        raise
    except KaizenError as error:
        _fail(job, fence, str(error))
    except Exception as error:
        logger.exception("the job failed")
        _fail(job, fence, f"An unforeseen error ({type(error).__name__}); the job's log has more.")


def _attempt(job: Job, fence: int) -> None:
    with GroupCommitWriter(guard=lambda: fence_holds(job.pk, fence)) as writer:
        kind = CachingJournal if job.kind == JobKind.EVALUATE else DatabaseJournal
        journal = kind(
            subject=job.public_id,
            project_id=job.task.project_id,
            purpose=job.kind,
            writer=writer,
        )
        meter = meter_for(job, journal.spent(), timezone.now())
        with Pulse(job.pk, fence, meter, BudgetWatch(job).look) as pulse:
            signal.signal(signal.SIGTERM, lambda *_: pulse.drain())
            if Step.objects.filter(job=job, name=OUTCOME).exists():
                _resume_publishing(job, fence)
                return
            if isinstance(journal, CachingJournal):
                if evaluate(job, fence, writer, journal, meter) is StopReason.WORKER_LOST:
                    _give_back(job, fence, pulse)
                return
            prepared = job_prepare(job, fence)
            outcome = _search(job, prepared, writer, journal, meter)
            if outcome.stop_reason is StopReason.WORKER_LOST:
                _give_back(job, fence, pulse)
            else:
                outcome_close(job, fence, prepared, outcome)


def meter_for(job: Job, spent: Spent, now: datetime) -> Meter:
    """Return the job's meter: what earlier attempts spent is spent, and their deadline holds.

    Past the deadline an attempt may still replay the journal, which is free, and nothing else.
    """
    if job.deadline_at is not None and job.deadline_at <= now:
        return Meter(Budget(calls=spent.calls), spent, SystemClock())
    budget = Budget(usd=job.budget_usd, tokens=job.budget_tokens, deadline=job.deadline_at)
    return Meter(budget, spent, SystemClock())


def _search(
    job: Job,
    prepared: Prepared,
    writer: GroupCommitWriter,
    journal: DatabaseJournal,
    meter: Meter,
) -> JobOutcome:
    from kaizen_engine.optimize.job import run_job

    config = JobConfig.from_json(job.config)
    gateway = gateway_for(job.task.project, config.models, meter=meter, journal=journal)
    spec = prepared.spec
    trials = planned_trials(spec.strategy, spec.settings, Rows.of(spec.examples))
    recorder = JobRecorder(job, writer, trials=trials, spent=lambda: meter.spent)
    try:
        outcome = run_job(spec, gateway, recorder)
    finally:
        journal.settle()
    if outcome.stop_reason is StopReason.CALLS:
        return replace(outcome, stop_reason=StopReason.TIMEOUT)
    return outcome


def _resume_publishing(job: Job, fence: int) -> None:
    """Go on where an attempt stopped that had its outcome: nothing is searched again."""
    job_move(
        actor=Actor.system(job.task.project_id),
        job=job,
        to=JobState.PUBLISHING,
        where=held_by(fence),
        phase="publishing",
    )
    job_publish(job, fence)


def _give_back(job: Job, fence: int, pulse: Pulse) -> None:
    """Let another worker go on. Being told to stop is no failed attempt; all else is."""
    released = lease_release(job, fence, counts_as_attempt=not pulse.is_draining)
    if released and (pulse.is_orphaned or not pulse.is_draining):
        wake(job.pk)


def _fail(job: Job, fence: int, error: str) -> None:
    job_fail(job=job, stop_reason=StopReason.ERROR, where=held_by(fence), error=error)
