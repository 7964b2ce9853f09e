"""A job's failures in the words of their page; reads rows and decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from kaizen_engine.states import Split
from optimization_app.config_readers import LONGEST_WISH
from optimization_app.failure_rows import FailureCluster, Failures, answers_before
from optimization_app.models import Job
from optimization_app.result_rows import Answer, answer_of
from prompts_app.demo_diff import plain
from prompts_app.long_text import LongText, cut_text

FEW = 30
SAMPLE = 160


@dataclass(frozen=True)
class FailureLine:
    """`before` is what the live prompt said, where the job compared with it."""

    example: Any
    broke: bool
    inputs: LongText
    expected: LongText
    before: Answer | None
    got: Answer
    standing: list[str]


@dataclass(frozen=True)
class ClusterCard:
    cluster: FailureCluster
    count: int
    percent: str
    length: str
    sample: str
    optimize: str


def lines_of(failures: Failures, rows: Iterable[Any]) -> list[FailureLine]:
    shown = list(rows)
    before = answers_before(failures, [row.example_id for row in shown])
    return [_line(failures, row, before) for row in shown]


def cards_of(job: Job, clusters: Iterable[FailureCluster]) -> list[ClusterCard]:
    return [
        ClusterCard(
            cluster=one,
            count=len(one.example_ids),
            percent=f"{one.share:.1%}",
            length=f"{one.share * 100:.1f}",
            sample=one.sample[:SAMPLE],
            optimize=optimize_link(job, one),
        )
        for one in clusters
    ]


def optimize_link(job: Job, cluster: FailureCluster) -> str:
    """Lead to the page that starts a job, with a strategy that hears wishes and this one as its."""
    place = reverse("jobs:new", kwargs={"project": job.task.project.slug})
    asked = {"task": job.task.slug, "optimizer_type": "analyst", "notes": wish_for(cluster)}
    return f"{place}?{urlencode(asked)}"


def wish_for(cluster: FailureCluster) -> str:
    """Spell the cluster as one line for whoever rewrites the prompt."""
    said = [_("Answers about “%s” are often wrong: put these right first.") % cluster.name]
    if cluster.insight is not None:
        said += [cluster.insight.diagnosis, cluster.insight.suggested_action]
    return " ".join(" ".join(said).split())[:LONGEST_WISH]


def small_numbers(failures: Failures) -> str:
    """Say how little few rows show, empty where there are enough."""
    if failures.scored >= FEW or not failures.scored:
        return ""
    # Three in n is the upper end of a 95 % interval for a share of which none was seen.
    most = min(1.0, 3 / failures.scored)
    return _(
        "Only %(rows)s rows were scored: up to about %(most)s of all calls could fail in a way "
        "that none of them shows."
    ) % {"rows": failures.scored, "most": f"{most:.0%}"}


def _line(failures: Failures, row: Any, before: Mapping[int, Any]) -> FailureLine:
    twin, example = before.get(row.example_id), row.example
    return FailureLine(
        example=example,
        broke=twin is not None and twin.score >= failures.job.task.good_score,
        inputs=cut_text(plain(example.inputs)),
        expected=cut_text(plain(example.outputs)),
        before=answer_of(twin) if twin else None,
        got=answer_of(row),
        standing=_standing(example),
    )


def _standing(example: Any) -> list[str]:
    said = []
    if example.dismissed_at is not None:
        said.append(_("left out of later jobs"))
    if example.split == Split.RED_TEAM:
        said.append(_("red-team case"))
    if example.dataset_id is not None:
        said.append(_("in the dataset %s") % example.dataset.name[:60])
    return said
