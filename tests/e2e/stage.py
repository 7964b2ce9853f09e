"""What the pages show in a browser: a measured draft, a job that found it and one that runs."""

from dataclasses import dataclass, replace

from kaizen_engine.prompts.artifact import Demo, PromptArtifact
from kaizen_engine.states import Verdict
from optimization_app.models import Job
from projects_app.models import ApiKey
from prompts_app.models import PromptVersion
from tests.admin.rooms import Room, furnish, page
from tests.factories.optimization import JobFactory, TrialFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory


@dataclass(frozen=True)
class Stage:
    room: Room
    draft: PromptVersion
    weak: PromptVersion
    running: Job
    finished: Job

    @property
    def pages(self) -> dict[str, str]:
        versions = (("draft", self.draft), ("weak", self.weak), ("live", self.room.first))
        return {
            "index": "/admin/",
            "versions": page(PromptVersion, "changelist"),
            **{name: page(PromptVersion, "change", one.pk) for name, one in versions},
            "jobs": page(Job, "changelist"),
            "running job": page(Job, "change", self.running.pk),
            "finished job": page(Job, "change", self.finished.pk),
            "task": page(type(self.draft.task), "change", self.draft.task_id),
            "key": page(ApiKey, "add"),
            "job list": f"/p/{self.room.project.slug}/jobs/",
            "live job page": self._job_page(self.running),
            "ended job page": self._job_page(self.finished),
        }

    def _job_page(self, job: Job) -> str:
        return f"/p/{self.room.project.slug}/jobs/{job.public_id}/"


def build_stage() -> Stage:
    room = furnish("maple")
    first = room.first
    draft = _version(first, "Name the label, and nothing else.", Verdict.CONFIRMED, gain=0.3)
    weak = _version(first, "Try hard.", Verdict.NOT_ENOUGH_EVIDENCE, gain=0.02)
    finished = JobFactory(
        seed_version=PromptVersionFactory(task=TaskFactory(project=room.project)),
        succeeded=True,
        verdict=Verdict.CONFIRMED.value,
        result_version=draft,
        result={"evidence": draft.evidence},
    )
    for number in range(4):
        TrialFactory(job=finished, number=number, score=0.4 + number / 10, is_best=number == 3)
    return Stage(room, draft, weak, room.rows[Job], finished)


def _version(parent: PromptVersion, system: str, verdict: Verdict, *, gain: float) -> PromptVersion:
    before = PromptArtifact.from_dict(parent.artifact)
    demos = (Demo({"text": "a long message about a parcel"}, {"label": "shipping"}),)
    artifact = replace(before, system=system, demos=demos)
    return PromptVersionFactory(
        task=parent.task,
        parents=[parent],
        artifact=artifact.to_dict(),
        verdict=verdict.value,
        evidence=_evidence(artifact.hash, parent, gain),
        change_reason="Found by a search.",
    )


def _evidence(measured: str, parent: PromptVersion, gain: float) -> dict[str, object]:
    means = {"before": {"mean": 0.5, "n": 48}, "after": {"mean": 0.5 + gain, "n": 48}}
    sure = {"low": gain - 0.1, "high": gain + 0.1, "level": 0.94, "p": 1e-5, "alpha": 0.03}
    counts = {"n": 48, "fixed": 16, "broken": 2, "look": 1, "rows_needed": [50, 90]}
    return {
        "artifact_hash": measured,
        "parent": str(parent.public_id),
        "student": parent.task.student,
        "dev": means,
        "holdout": {**means, **sure, **counts, "gain": gain},
        "calls": 1421,
        "cost_usd": "0.117",
    }
