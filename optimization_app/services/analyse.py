"""After a job has ended: its insights, what fills their gaps, and the changelog of its draft.

Its own step, under what the job has left of its budget: whatever the analyst model does or costs,
the job's outcome, record and evidence stay as they are.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import BreakerOpen, JobAbort, KaizenError
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.meter import Budget, Meter
from kaizen_engine.llm.roles import ANALYST, TEACHER
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.asking import Diagnosis, ask_changelog, ask_diagnosis, ask_inputs
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.changes import change_lines
from llm_app.gateways import gateway_for
from llm_app.journal import DatabaseJournal, journal_open
from llm_app.stores import DatabaseBreaker
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.insights import FoundTopic, insights_store, topics_of
from optimization_app.services.suggestions import (
    MOST_SUGGESTIONS,
    candidates_of,
    suggestions_draw,
    suggestions_store,
)
from prompts_app.services.change_notes import change_note_write

logger = structlog.get_logger(__name__)

PURPOSE = "insight"
MOST_DIAGNOSES = 5
LONGEST = timedelta(minutes=5)

Fillers = list[dict[str, dict[str, object]]]


@dataclass
class Analysis:
    """What became of one job's insights; `silence` says why the analyst was not heard."""

    topics: int = 0
    diagnosed: int = 0
    suggested: int = 0
    changelog: bool = False
    silence: list[str] = field(default_factory=list)


def job_analyse(job: Job) -> Analysis:
    """Work out the insights of a job that has ended; a second time changes nothing."""
    subject = uuid.uuid5(job.public_id, PURPOSE)
    with journal_open(subject=subject, project_id=job.task.project_id, purpose=PURPOSE) as journal:
        return _Analyst(job, journal).work()


class _Analyst:
    def __init__(self, job: Job, journal: DatabaseJournal) -> None:
        self._job = job
        self._journal = journal
        self._model = JobConfig.from_json(job.config).teacher or job.task.teacher
        self._found = Analysis()
        self._gateway = self._open()

    def work(self) -> Analysis:
        topics = topics_of(self._job, candidates_of(self._job.task))
        diagnoses = self._diagnoses([topic for topic in topics if topic.topic.is_failing])
        gaps = [one for one in topics if one.topic.is_gap and self._job.analysed_at is None]
        fillers = {one.topic.name: self._fillers(one) for one in gaps}
        self._write_changelog()
        self._store(topics, diagnoses, fillers)
        logger.info("job_analysed", job=str(self._job.public_id), topics=len(topics))
        return self._found

    def _open(self) -> Gateway | None:
        try:
            return gateway_for(
                self._job.task.project,
                {self._model},
                meter=Meter(self._budget(), self._journal.spent(), SystemClock()),
                journal=self._journal,
            )
        except KaizenError as error:
            self._found.silence.append(str(error))
            return None

    def _budget(self) -> Budget:
        left = max(Decimal(0), self._job.budget_usd - self._job.spent_usd)
        return Budget(usd=left, deadline=timezone.now() + LONGEST)

    def _ask(self, request: ChatRequest, role: str = ANALYST) -> str:
        if self._gateway is None:
            return ""
        return self._gateway.complete(request, role=role).text

    def _diagnoses(self, failing: Sequence[FoundTopic]) -> Mapping[str, Diagnosis]:
        instruction = str(self._job.seed_version.artifact.get("system", ""))
        said: dict[str, Diagnosis] = {}
        try:
            for one in failing[:MOST_DIAGNOSES]:
                name = one.topic.name
                said[name] = ask_diagnosis(
                    name, one.cases, instruction, model=self._model, ask=self._ask
                )
        except JobAbort as abort:
            self._found.silence.append(str(abort))
        return {name: one for name, one in said.items() if one.cause}

    def _fillers(self, found: FoundTopic) -> Fillers:
        wanted = MOST_SUGGESTIONS - len(found.topic.candidates)
        return self._written(found, wanted) if wanted > 0 else []

    @transaction.atomic
    def _store(
        self,
        topics: Sequence[FoundTopic],
        diagnoses: Mapping[str, Diagnosis],
        fillers: Mapping[str, Fillers],
    ) -> None:
        """Store all of it at once and last: who is killed before is replayed from the journal."""
        stored = insights_store(self._job, topics, diagnoses, self._model)
        if stored is None:
            return
        self._found.topics, self._found.diagnosed = len(stored), len(diagnoses)
        for insight, found in zip(stored, topics, strict=True):
            if found.topic.is_gap:
                drawn = suggestions_draw(insight, found.topic)
                written = fillers[found.topic.name][: MOST_SUGGESTIONS - drawn]
                self._found.suggested += drawn + suggestions_store(insight, written, self._model)

    def _written(self, found: FoundTopic, wanted: int) -> Fillers:
        """Let the teacher write rows, behind a breaker of its own for each project."""
        breaker = DatabaseBreaker(
            self._journal.writer,
            threshold=settings.CONFIG.breaker_failures,
            reset_s=settings.CONFIG.breaker_reset_s,
            clock=SystemClock(),
        )
        key = f"gapfill/{self._job.task.project.public_id}"
        try:
            breaker.before(key)
            rows = ask_inputs(
                found.topic.name,
                found.cases,
                self._fields(),
                most=wanted,
                model=self._model,
                ask=lambda request: self._ask(request, TEACHER),
            )
        except (BreakerOpen, JobAbort) as error:
            self._found.silence.append(str(error))
            if isinstance(error, JobAbort):
                breaker.failure(key)
            return []
        if rows:
            breaker.success(key)
        else:
            breaker.failure(key)
        return rows

    def _fields(self) -> Mapping[str, Sequence[str]]:
        artifact = self._job.seed_version.artifact
        return {side: [one["name"] for one in artifact[side]] for side in ("inputs", "outputs")}

    def _write_changelog(self) -> None:
        version = self._job.result_version
        if version is None:
            return
        before, after = (
            PromptArtifact.from_dict(one.artifact) for one in (self._job.seed_version, version)
        )
        try:
            text = ask_changelog(change_lines(before, after), model=self._model, ask=self._ask)
        except JobAbort as abort:
            self._found.silence.append(str(abort))
            return
        if text:
            change_note_write(version=version, text=text, writer=self._model)
            self._found.changelog = True
