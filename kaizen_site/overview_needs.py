"""What waits for a person: each kind of need is one or two queries, however much there is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, When
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kaizen_engine.states import JobState, PullRequestState, ReviewState, SuggestionState, Verdict
from kaizen_site.overview_links import link
from optimization_app.models import Job, SuggestedExample
from optimization_app.passports import judges_unproven
from optimization_app.selectors import job_sentence
from projects_app.models import ApiKey, Project, Role
from projects_app.pages import Visit
from prompts_app.models import PromptVersion, PullRequest
from prompts_app.score_rows import VersionScore, scores_by_version
from prompts_app.selectors import PRODUCTION
from tasks_app.models import Task

MOST = 4
BEST_FIRST = (
    *(Verdict.CONFIRMED, Verdict.LIKELY, Verdict.BETTER_ON_REPORTED),
    *(Verdict.NOT_ENOUGH_EVIDENCE, Verdict.NONE, Verdict.EQUAL, Verdict.WORSE),
)
OPEN = (ReviewState.DRAFT.value, ReviewState.IN_REVIEW.value)
WAITING_PULLS = (
    PullRequestState.OPEN.value,
    PullRequestState.AWAITING_MERGE.value,
    PullRequestState.FAILED.value,
)
FAILED_FOR = timedelta(days=7)
KEY_ENDS_IN = timedelta(days=14)
MOST_TASKS = 200
PULL_WORDS = {
    PullRequestState.OPEN.value: gettext_lazy("It waits to be merged."),
    PullRequestState.AWAITING_MERGE.value: gettext_lazy("Approved; it waits to be merged."),
    PullRequestState.FAILED.value: gettext_lazy("It could not be opened."),
}


@dataclass(frozen=True)
class Need:
    """One card: what it is, about what, in how few words, and where to go."""

    kind: str
    title: str
    note: str
    url: str
    action: str
    at: datetime | None = None
    is_trouble: bool = False
    is_proven: bool = False


def needs_of(visit: Visit) -> list[Need]:
    """Return what waits for this member, the decisions first."""
    return [need for kind in KINDS for need in kind(visit)]


def _drafts(visit: Visit) -> Iterator[Need]:
    found = list(_waiting_versions(visit.project)[:MOST])
    scores = scores_by_version(version.pk for version in found)
    may_decide = visit.allows(Role.APPROVER)
    for version in found:
        yield Need(
            kind=_("Draft"),
            title=_("%(task)s, version %(number)d")
            % {"task": version.task.name, "number": version.number},
            note=_draft_note(version, scores.get(version.pk)),
            url=link(
                "prompts:compare",
                visit.project,
                task=version.task.slug,
                a=version.live,  # type: ignore[attr-defined]
                b=version.number,
            ),
            action=_("Review") if may_decide else _("Look at it"),
            at=version.created_at,
            is_proven=version.verdict == Verdict.CONFIRMED.value,
        )


def _waiting_versions(project: Project) -> QuerySet[PromptVersion]:
    """Return the undecided versions newer than the live one, what is proven best before the rest.

    `live` is the number of the version that each would replace.
    """
    place = Case(*(When(verdict=word, then=place) for place, word in enumerate(BEST_FIRST)))
    versions = PromptVersion.objects.filter(
        task__project=project,
        task__archived_at=None,
        task__tags__name=PRODUCTION,
        review_state__in=OPEN,
    ).annotate(live=F("task__tags__version__number"), place=place)
    waiting = versions.filter(number__gt=F("live")).select_related("task")
    return waiting.defer("artifact", "evidence", "dspy_state").order_by("place", "-pk")


def _draft_note(version: PromptVersion, score: VersionScore | None) -> str:
    if score is None:
        return _("Not measured yet.")
    figures = {
        "before": f"{score.before:.1%}",
        "after": f"{score.after:.1%}",
        "verdict": version.get_verdict_display().lower(),
    }
    return _("%(before)s to %(after)s, %(verdict)s.") % figures


def _failed_jobs(visit: Visit) -> Iterator[Need]:
    """Return failures of this week that no later job of the task has made up for."""
    later = Job.objects.filter(task=OuterRef("task"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    failed = Job.objects.filter(
        ~Exists(later),
        task__project=visit.project,
        state=JobState.FAILED.value,
        finished_at__gte=timezone.now() - FAILED_FOR,
    )
    for job in failed.select_related("task").order_by("-pk")[:MOST]:
        yield Need(
            kind=_("Job failed"),
            title=job.task.name,
            note=job_sentence(job),
            url=link("jobs:job", visit.project, job_id=job.public_id),
            action=_("Open job"),
            at=job.finished_at,
            is_trouble=True,
        )


def _pulls(visit: Visit) -> Iterator[Need]:
    held = Q(state=PullRequestState.MERGED.value, merged_version=None) & ~Q(held="")
    pulls = PullRequest.objects.filter(
        Q(state__in=WAITING_PULLS) | held, version__task__project=visit.project
    )
    for pull in pulls.select_related("version__task").defer("body", "content")[:MOST]:
        version = pull.version
        yield Need(
            kind=_("Pull request"),
            title=_("%(task)s, version %(number)d")
            % {"task": version.task.name, "number": version.number},
            note=pull.held or pull.error or str(PULL_WORDS.get(pull.state, "")),
            url=link(
                "prompts:version", visit.project, task=version.task.slug, number=version.number
            ),
            action=_("Open version"),
            at=pull.created_at,
            is_trouble=bool(pull.held or pull.state == PullRequestState.FAILED.value),
        )


def _keys(visit: Visit) -> Iterator[Need]:
    """Warn of keys in use that end soon; one that ended a week ago has been noticed."""
    if not visit.allows(Role.ADMIN):
        return
    now = timezone.now()
    ending = (now - FAILED_FOR, now + KEY_ENDS_IN)
    keys = ApiKey.objects.filter(
        project=visit.project, revoked_at=None, expires_at__range=ending, last_used_at__isnull=False
    )
    for key in keys.order_by("expires_at")[:MOST]:
        is_over = key.expires_at <= now
        yield Need(
            kind=_("API key"),
            title=key.name,
            note=_("It has ended: calls with it are refused.") if is_over else _days_left(key, now),
            url=link("settings:keys", visit.project),
            action=_("Make a new key"),
            is_trouble=is_over,
        )


def _days_left(key: ApiKey, now: datetime) -> str:
    days = (key.expires_at - now).days
    if not days:
        return _("It ends within a day.")
    return ngettext("It ends in %d day.", "It ends in %d days.", days) % days


def _suggestions(visit: Visit) -> Iterator[Need]:
    pending = SuggestedExample.objects.filter(
        insight__task__project=visit.project, state=SuggestionState.PENDING.value
    )
    rows = pending.values("insight__task__slug", "insight__task__name").order_by()
    for row in rows.annotate(count=Count("pk")).order_by("-count")[:MOST]:
        count, task, name = row["count"], row["insight__task__slug"], row["insight__task__name"]
        yield Need(
            kind=_("Suggested examples"),
            title=name,
            note=ngettext("%d example to accept or not.", "%d examples to accept or not.", count)
            % count,
            url=f"{link('insights:list', visit.project)}?{urlencode({'task': task})}",
            action=_("Decide"),
        )


def _judges(visit: Visit) -> Iterator[Need]:
    tasks = Task.objects.filter(project=visit.project, archived_at=None).order_by("-pk")
    for task in judges_unproven(tasks[:MOST_TASKS])[:MOST]:
        yield Need(
            kind=_("Judge"),
            title=task.name,
            note=_("Its judge has no valid passport, so it may not confirm a version."),
            url=link("labelling:task", visit.project, task=task.slug),
            action=_("Label answers"),
        )


KINDS: tuple[Callable[[Visit], Iterator[Any]], ...] = (
    _drafts,
    _failed_jobs,
    _pulls,
    _keys,
    _suggestions,
    _judges,
)
