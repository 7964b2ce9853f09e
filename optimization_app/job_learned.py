"""What a job learned: what its draft changes, in whose words, and the topics that fail most."""

from dataclasses import dataclass

from optimization_app.models import Insight, Job
from prompts_app.models import ChangeNote

TOPICS = 3


@dataclass(frozen=True)
class Learned:
    """`changed` is counted; `changelog` was written by the model `writer`."""

    changed: str
    changelog: str
    writer: str
    topics: list[Insight]


def learned_of(job: Job) -> Learned | None:
    """Return None where there is nothing to tell yet."""
    version = job.result_version
    note = ChangeNote.objects.filter(version=version).first() if version else None
    found = Learned(
        changed=version.change_reason if version else "",
        changelog=note.text if note else "",
        writer=note.writer if note else "",
        topics=_topics(job),
    )
    return found if found.changed or found.changelog or found.topics else None


def _topics(job: Job) -> list[Insight]:
    if job.analysed_at is None:
        return []
    seen = Insight.objects.filter(task=job.task_id, sightings__job=job.public_id)
    return list(seen.filter(failures__gt=0).order_by("-failures", "-id")[:TOPICS])
