"""The versions of a prompt as a list: what each is, what it got, and where it stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from kaizen_engine.states import Verdict
from prompts_app.models import GateResult, PromptVersion, VersionEvidence
from prompts_app.score_rows import VersionScore, before_of, scores_by_version
from prompts_app.selectors import PRODUCTION, PROMOTION
from tasks_app.models import Task

TONES = {
    Verdict.CONFIRMED.value: "is-pass",
    Verdict.LIKELY.value: "is-pass",
    Verdict.EQUAL.value: "is-fail",
    Verdict.WORSE.value: "is-fail",
}
HEAVY = ("artifact", "evidence", "dspy_state")


@dataclass(frozen=True)
class VersionRow:
    """`verdict` and `tone` are what was found last; `standing` is what became of it.

    `before` is what it got where a later version was compared with it.
    """

    version: PromptVersion
    tags: list[str]
    parents: list[int]
    score: VersionScore | None
    before: float | None
    verdict: str
    tone: str
    standing: str

    @property
    def words(self) -> str:
        """Return the verdict as people read it."""
        return self.verdict.replace("_", " ")


def version_list(
    task: Task, *, search: str = "", verdict: str = "", state: str = ""
) -> QuerySet[PromptVersion]:
    """Return the task's versions, the newest first, without their texts."""
    versions = PromptVersion.objects.filter(task=task).order_by("-number").defer(*HEAVY)
    if search.isdecimal():
        versions = versions.filter(number=int(search[:9]))
    elif search:
        said = Q(change_reason__icontains=search) | Q(review_reason__icontains=search)
        versions = versions.filter(said | Q(author_label__icontains=search))
    if verdict:
        versions = versions.filter(verdict=verdict)
    return versions.filter(review_state=state) if state else versions


def version_rows(versions: Sequence[PromptVersion]) -> list[VersionRow]:
    """Return the rows of a page; the versions come with parents, tags and later evidence."""
    ids = [version.pk for version in versions]
    scores, lived = scores_by_version(ids), live_once(ids)
    return [
        VersionRow(
            version=version,
            tags=(names := sorted(tag.name for tag in version.tags.all())),
            parents=sorted(parent.number for parent in version.parents.all()),
            score=scores.get(version.pk),
            before=before_of(version.public_id, scores),
            verdict=(found := verdict_of(version)),
            tone=TONES.get(found, ""),
            standing=_standing(version, PRODUCTION in names, version.pk in lived),
        )
        for version in versions
    ]


def with_company(versions: QuerySet[PromptVersion]) -> QuerySet[PromptVersion]:
    """Fetch what a row shows beside the version, in one query for each kind."""
    bare = PromptVersion.objects.only("id", "number")
    return versions.prefetch_related(
        "tags",
        Prefetch("later_evidence", VersionEvidence.objects.defer("summary")),
        Prefetch("parents", bare),
    )


def verdict_of(version: PromptVersion) -> str:
    later = max(version.later_evidence.all(), key=lambda row: row.pk, default=None)
    return later.verdict if later else version.verdict


def live_once(version_ids: Iterable[int]) -> set[int]:
    moves = GateResult.objects.filter(version__in=list(version_ids), name=PROMOTION, tag=PRODUCTION)
    return set(moves.values_list("version_id", flat=True))


def _standing(version: PromptVersion, is_live: bool, was_live: bool) -> str:
    if is_live:
        return _("Live")
    return _("Was live") if was_live else version.get_review_state_display()
