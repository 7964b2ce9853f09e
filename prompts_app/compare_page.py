"""Two versions side by side, and what this visitor may decide; reads rows and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects

from projects_app.actors import Actor
from projects_app.models import Role, ServeOn
from prompts_app.compare_figures import Regressions, Tile, regressions_of, tiles_of
from prompts_app.models import PromptVersion, Tag
from prompts_app.review_page import ReviewPage, review_page
from prompts_app.selectors import PRODUCTION, may_be_proposed, version_before
from prompts_app.services.checks import measured
from prompts_app.services.decisions import needs_second_person

MOST_STEPS = 4


@dataclass(frozen=True)
class Step:
    """One version of the line that led here; `words` says what it is beside its number."""

    version: PromptVersion
    words: str


@dataclass(frozen=True)
class Choices:
    """What may be done. `seen` is the revision of what is live, as this page was made."""

    seen: int
    may_decide: bool
    may_edit: bool
    needs_another: bool
    is_open: bool
    objections: list[str]
    may_roll_back_to: PromptVersion | None
    may_propose: bool

    @property
    def may_promote(self) -> bool:
        return self.may_reject and not self.needs_another and not self.objections

    @property
    def may_override(self) -> bool:
        return self.may_reject and not self.needs_another and bool(self.objections)

    @property
    def may_reject(self) -> bool:
        return self.is_open and self.may_decide


@dataclass(frozen=True)
class ComparePage:
    """`other_pair` names the version that the evidence is about, where that is not `before`."""

    page: ReviewPage
    before: PromptVersion
    after: PromptVersion
    choices: Choices
    tiles: list[Tile]
    regressions: Regressions
    other_pair: PromptVersion | None
    is_measured: bool
    serves_on_merge: bool
    diagnoses: list[Mapping[str, Any]]
    lineage: list[Step]


def compare_page_of(actor: Actor, before: PromptVersion, after: PromptVersion) -> ComparePage:
    prefetch_related_objects([after], "later_evidence", "parents")
    page = review_page(after, before)
    found = measured(after).summary
    return ComparePage(
        page=page,
        before=before,
        after=after,
        choices=choices_of(actor, page),
        tiles=tiles_of(found, page.checks),
        regressions=regressions_of(found),
        other_pair=_other_pair(found, before, after),
        is_measured=bool(found),
        serves_on_merge=after.task.project.serve_on == ServeOn.MERGE,
        diagnoses=(found.get("search") or {}).get("diagnoses") or [],
        lineage=_lineage(after, page.live),
    )


def choices_of(actor: Actor, page: ReviewPage) -> Choices:
    version = page.version
    may_decide = actor.allows(role=Role.APPROVER)
    may_edit = actor.allows(role=Role.EDITOR)
    back = _rollback_target(page) if may_decide else None
    return Choices(
        seen=seen_revision(version),
        may_decide=may_decide,
        may_edit=may_edit,
        needs_another=needs_second_person(actor, version),
        is_open=page.is_open and not page.is_live and not page.may_roll_back,
        objections=page.objections,
        may_roll_back_to=back,
        may_propose=may_edit and may_be_proposed(version),
    )


def seen_revision(version: PromptVersion) -> int:
    """Return the revision of what is live, which a decision on this page is about; 0: nothing."""
    tags = Tag.objects.filter(task=version.task_id, name=PRODUCTION)
    return tags.values_list("revision", flat=True).first() or 0


def _rollback_target(page: ReviewPage) -> PromptVersion | None:
    if page.is_live:
        return version_before(page.version.task, PRODUCTION, page.version)
    return page.version if page.may_roll_back else None


def _other_pair(
    found: Mapping[str, Any], before: PromptVersion, after: PromptVersion
) -> PromptVersion | None:
    """Return what the evidence compared the version with, unless that is what is shown here."""
    parent = found.get("parent")
    if not parent or parent == str(before.public_id):
        return None
    return after.task.versions.filter(public_id=parent).defer("artifact", "dspy_state").first()


def _lineage(version: PromptVersion, live: PromptVersion | None) -> list[Step]:
    """Walk from parent to parent, the newest first, a few steps back."""
    steps, at = [], version
    for _ in range(MOST_STEPS):
        steps.append(
            Step(at, "Live" if live and at.pk == live.pk else at.get_review_state_display())
        )
        parent = at.parents.defer("artifact", "dspy_state", "evidence").order_by("-id").first()
        if parent is None:
            break
        at = parent
    return steps
