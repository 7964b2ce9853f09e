"""The rows that a job's prompts got wrong: of train and dev alone, grouped by what they are about.

Hold-out rows are shown to nobody: a row that was seen decides nothing more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from kaizen_engine.optimize.clusters import Cluster, cluster_texts
from kaizen_engine.states import JobKind, Split
from optimization_app.models import EvaluationRow, Insight, Job
from optimization_app.services.insights import text_of

BEFORE, AFTER = "baseline", "winner"
OPEN_SPLITS = (Split.DEV.value, Split.TRAIN.value)
# More would take longer to group than a page may; the worst come first.
MOST_GROUPED = 200
LONGEST_TEXT = 600
KEPT_S = 3600
KINDS = ("", "broke", "always")


@dataclass(frozen=True)
class Failures:
    """`side` is whose answers are looked at: the job's new prompt's where it has one."""

    job: Job
    side: str
    scored: int
    failed: int

    @property
    def has_before(self) -> bool:
        return self.side == AFTER

    def rows(self, kind: str = "") -> QuerySet[EvaluationRow]:
        """Return the failed rows, the worst first; `broke` were right before, `always` wrong."""
        rows = _open_rows(self.job, self.side).filter(score__lt=self.job.task.good_score)
        if self.has_before:
            twin = _open_rows(self.job, BEFORE).filter(example=OuterRef("example"))
            rows = rows.annotate(score_before=Subquery(twin.values("score")[:1]))
            good = Q(score_before__gte=self.job.task.good_score)
            rows = rows.filter({"broke": good, "always": ~good}.get(kind, Q()))
        return rows.order_by("score", "pk")


@dataclass(frozen=True)
class FailureCluster:
    """`number` names it on the page; `insight` is the topic most of it belongs to, if any."""

    number: int
    name: str
    example_ids: tuple[int, ...]
    share: float
    sample: str
    insight: Insight | None


def failures_of(job: Job) -> Failures:
    side = AFTER if _open_rows(job, AFTER).exists() else BEFORE
    bad = Q(score__lt=job.task.good_score)
    found = _open_rows(job, side).aggregate(scored=Count("pk"), failed=Count("pk", filter=bad))
    return Failures(job, side, found["scored"], found["failed"])


def answers_before(failures: Failures, example_ids: Iterable[int]) -> dict[int, EvaluationRow]:
    """Return what the prompt of before said to these rows."""
    if not failures.has_before:
        return {}
    rows = _open_rows(failures.job, BEFORE).filter(example__in=list(example_ids))
    return {row.example_id: row for row in rows}


def clusters_of(failures: Failures) -> list[FailureCluster]:
    """Return the groups of the worst failures, the largest first; the same for the same rows."""
    texts = _texts(failures)
    found = _grouped(failures, texts)
    insights = _insights(failures.job, found)
    return [
        FailureCluster(
            number=number,
            name=cluster.name,
            example_ids=tuple(int(key) for key in cluster.ids),
            share=cluster.size / len(texts),
            sample=texts[cluster.ids[0]],
            insight=insights.get(number),
        )
        for number, cluster in enumerate(found, 1)
    ]


def _open_rows(job: Job, side: str) -> QuerySet[EvaluationRow]:
    labels = [f"{side}_{split}" for split in _splits(job)]
    rows = EvaluationRow.objects.filter(job=job, label__in=labels)
    return rows.exclude(example__split=Split.TEST.value)


def _splits(job: Job) -> Sequence[str]:
    return OPEN_SPLITS if job.kind == JobKind.EVALUATE else (Split.DEV.value,)


def _texts(failures: Failures) -> dict[str, str]:
    rows = failures.rows().values_list("example_id", "example__inputs")[:MOST_GROUPED]
    return {str(pk): text_of(inputs)[:LONGEST_TEXT] for pk, inputs in rows}


def _grouped(failures: Failures, texts: Mapping[str, str]) -> list[Cluster]:
    job = failures.job
    key = f"failures:{job.pk}:{job.fence}:{failures.side}:{failures.failed}:{job.task.good_score}"
    found: list[Cluster] | None = cache.get(key)
    if found is None or {one for cluster in found for one in cluster.ids} != texts.keys():
        found = list(cluster_texts(texts))
        cache.set(key, found, KEPT_S)
    return found


def _insights(job: Job, clusters: Sequence[Cluster]) -> dict[int, Insight]:
    """Find for each cluster the topic of the prompt that holds at least half of its rows."""
    ids = [int(key) for cluster in clusters for key in cluster.ids]
    rows = EvaluationRow.objects.filter(job=job, example__in=ids)
    group_of = dict(rows.values_list("example_id", "example__group").distinct())
    topics = [(set(one.members), one) for one in Insight.objects.filter(task=job.task_id)]
    found = {}
    for number, cluster in enumerate(clusters, 1):
        groups = {group_of[int(key)] for key in cluster.ids}
        held = [(len(groups & members), -one.pk, one) for members, one in topics]
        best = max(held, default=(0, 0, None))
        if best[2] is not None and 2 * best[0] >= len(groups):
            found[number] = best[2]
    return found
