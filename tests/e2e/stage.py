"""What the pages show in a browser: a measured draft, a job that found it and one that runs."""

from dataclasses import dataclass, replace

from uuid_utils.compat import uuid7

from feedback_app.models import Dataset
from kaizen_engine.prompts.artifact import Demo, PromptArtifact
from kaizen_engine.states import Verdict
from optimization_app.models import Insight, Job, LabelItem
from optimization_app.passports import judge_of
from projects_app.models import ApiKey
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.admin.rooms import Room, furnish, page
from tests.e2e.compare_stage import compared_rows, measured_facts
from tests.e2e.data_stage import data_pages, imported, logged
from tests.e2e.job_stage import failed_job, searching_job, tried_job
from tests.e2e.prompt_stage import fetched, prompt_pages
from tests.e2e.settings_stage import kept_house, settings_pages, tried_out
from tests.e2e.told_stage import told, told_pages
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.insights import (
    InsightFactory,
    InsightSightingFactory,
    SuggestedExampleFactory,
)
from tests.factories.labels import (
    JudgePassportFactory,
    JudgeVerdictFactory,
    LabelItemFactory,
)
from tests.factories.optimization import EvaluationRowFactory, JobFactory, TrialFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory


@dataclass(frozen=True)
class Stage:
    room: Room
    draft: PromptVersion
    weak: PromptVersion
    running: Job
    finished: Job
    insight: Insight
    evaluation: Job
    tried: Job
    failed: Job
    searching: Job

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
            "home": f"/p/{self.room.project.slug}/",
            "projects": "/projects/",
            "password": "/password/",
            "connect": f"/p/{self.room.project.slug}/connect/",
            "spend": f"/p/{self.room.project.slug}/spend/",
            "job list": f"/p/{self.room.project.slug}/jobs/",
            "live job page": self._job_page(self.running),
            "ended job page": self._job_page(self.finished),
            "an evaluation": self._job_page(self.evaluation),
            "a job that made a draft": self._job_page(self.tried),
            "a failed job": self._job_page(self.failed),
            "a job that searches": self._job_page(self.searching),
            "failures": f"{self._job_page(self.tried)}failures/",
            "evaluate": self.evaluate,
            "choose a prompt for a job": f"/p/{self.room.project.slug}/jobs/new/",
            "start a job": f"/p/{self.room.project.slug}/jobs/new/"
            f"?task={self.draft.task.slug}&optimizer_type=bootstrap",
            "compare": self.compare,
            "promote": f"{self.compare}promote/",
            "reject": f"{self.compare}reject/",
            "rows of a comparison": f"{self.compare}results/",
            "compare what is not ready": self.compare_with(self.weak),
            "override": f"{self.compare_with(self.weak)}override/",
            "edit": self.edit,
            **prompt_pages(self.draft),
            **settings_pages(self.draft),
            **told_pages(self.draft),
            **data_pages(self.draft),
            "datasets": f"/p/{self.room.project.slug}/datasets/",
            "dataset": f"/p/{self.room.project.slug}/datasets/{self.room.rows[Dataset].public_id}/",
            "labelling": f"/p/{self.room.project.slug}/labelling/",
            "an answer to label": self.labelling,
            "how it is scored": self.evaluator,
            "insights": f"/p/{self.room.project.slug}/insights/",
            "an insight": f"/p/{self.room.project.slug}/insights/{self.insight.public_id}/",
        }

    @property
    def labelling(self) -> str:
        return f"/p/{self.room.project.slug}/labelling/{self.draft.task.slug}/"

    @property
    def evaluate(self) -> str:
        place = f"/p/{self.room.project.slug}/prompts/{self.draft.task.slug}"
        return f"{place}/versions/{self.draft.number}/evaluate/"

    @property
    def compare(self) -> str:
        return self.compare_with(self.draft)

    def compare_with(self, version: PromptVersion) -> str:
        place = f"/p/{self.room.project.slug}/prompts/{version.task.slug}/compare"
        return f"{place}/{self.room.first.number}/{version.number}/"

    @property
    def edit(self) -> str:
        return self.evaluate.replace("/evaluate/", "/edit/")

    @property
    def evaluator(self) -> str:
        return f"/p/{self.room.project.slug}/tasks/{self.draft.task.slug}/evaluator/"

    def _job_page(self, job: Job) -> str:
        return f"/p/{self.room.project.slug}/jobs/{job.public_id}/"


def build_stage() -> Stage:
    room = furnish("maple")
    first = room.first
    draft = _version(first, "Name the label, and nothing else.", Verdict.CONFIRMED, gain=0.3)
    weak = _version(first, "Try hard.", Verdict.NOT_ENOUGH_EVIDENCE, gain=0.02)
    compared_rows(draft)
    fetched(first, draft)
    tried_out(draft)
    kept_house(draft)
    told(draft)
    logged(draft)
    imported(draft)
    finished = JobFactory(
        seed_version=PromptVersionFactory(task=TaskFactory(project=room.project)),
        succeeded=True,
        verdict=Verdict.CONFIRMED.value,
        result_version=draft,
        result={"evidence": draft.evidence},
    )
    for number in range(4):
        TrialFactory(job=finished, number=number, score=0.4 + number / 10, is_best=number == 3)
    _judged(draft.task)
    ExampleFactory(task=draft.task, feedback=FeedbackFactory(task=draft.task))
    insight = InsightFactory(
        task=draft.task, diagnosis="Parcels are taken for bills.", analyst="demo/demo"
    )
    SuggestedExampleFactory(insight=insight)
    for failures in (6, 4):
        InsightSightingFactory(insight=insight, failures=failures)
    return Stage(
        room,
        draft,
        weak,
        room.rows[Job],
        finished,
        insight,
        _evaluation(draft),
        tried_job(draft),
        failed_job(draft),
        searching_job(draft),
    )


def _evaluation(version: PromptVersion) -> Job:
    """An evaluation that ended, with a row that the version got wrong."""
    row = ExampleFactory(task=version.task)
    figures = {"n": 1, "parts": {"exact": 0.0, "length": 1.0}, "unreadable": 1}
    summary = {
        "splits": {
            "dev": {"rows": 1, "before": figures | {"mean": 1.0}, "after": figures | {"mean": 0.5}}
        },
        "is_complete": True,
        "is_compared": True,
        "cached": 1,
        "look": 1,
        "looked_at": 40,
        "failures": [row.pk],
    }
    job = JobFactory(
        seed_version=version.parents.get(),
        evaluating=version,
        succeeded=True,
        verdict=Verdict.NOT_ENOUGH_EVIDENCE.value,
        result={"evaluation": summary, "evidence": version.evidence},
    )
    EvaluationRowFactory(job=job, example=row, label="winner_dev", score=0.5, text="no label")
    return job


def _judged(task: Task) -> None:
    """Two answers to label, of which the judge has spoken, and its passport."""
    spec = {"kind": "rubric", "rubric": "A good answer names the desk.", "model": "own/judge"}
    Task.objects.filter(pk=task.pk).update(evaluator=spec)
    judge = judge_of(spec)
    assert judge is not None
    JudgePassportFactory(task=task, judge_hash=judge.hash, judge=spec)
    LabelItem.objects.filter(task=task).delete()
    for answer in ("billing", "shipping"):
        item = LabelItemFactory(task=task, answer={"label": answer})
        JudgeVerdictFactory(item=item, judge_hash=judge.hash)


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
        **measured_facts(str(uuid7())),
    }
