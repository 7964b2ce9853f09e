"""Insights: what a finished job shows about the task's topics, kept from job to job.

Worked out from stored rows once the job has ended, and never from the hold-out. Which topic an
insight goes on with, and what became of it, is counted; an analyst model only words the reasons,
so an analyst that cannot be reached costs the words and nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from feedback_app.models import Example
from kaizen_engine.optimize.asking import Case, Diagnosis
from kaizen_engine.optimize.topics import (
    Sighting,
    Topic,
    TopicRow,
    find_topics,
    life_of,
    match_topics,
)
from kaizen_engine.states import InsightState, RowKind, Split, TopicLife
from optimization_app.models import EvaluationRow, Insight, InsightSighting, Job, Step
from optimization_app.services.prepare import PREPARED
from tasks_app.models import Task

BASELINE = "baseline_dev"
MOST_MEMBERS = 500
SEARCHED = (Split.TRAIN.value, Split.DEV.value)
_LONGEST_ANSWER = 40


@dataclass(frozen=True)
class FoundTopic:
    """A topic of one job, the insight that it goes on with, and its failed rows as cases."""

    topic: Topic
    life: TopicLife
    share: float
    insight_id: int | None
    finding: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class _Seen:
    """The rows that a job searched on, and what its baseline answered, by example."""

    examples: Sequence[Example]
    answers: Mapping[int, EvaluationRow]


def topics_of(job: Job, candidates: Iterable[TopicRow] = ()) -> list[FoundTopic]:
    """Return the topics of the job's rows, the worst first, matched with the task's insights.

    `candidates` are inputs that are no examples yet, to be told which topic they belong to.
    """
    seen = _seen(job)
    rows = [_topic_row(row, seen.answers.get(row.pk)) for row in seen.examples]
    topics = find_topics([*rows, *candidates], job.task.good_score)
    known = {row.pk: row for row in Insight.objects.filter(task=job.task)}
    matched = match_topics(topics, {key: row.members for key, row in known.items()})
    return [
        _found(topic, known.get(matched[place] or 0), len(rows), seen, job.task)
        for place, topic in enumerate(topics)
    ]


def insights_store(
    job: Job, found: Sequence[FoundTopic], diagnoses: Mapping[str, Diagnosis], analyst: str
) -> list[Insight] | None:
    """Keep what was found, once a job: None where somebody else has done so.

    `diagnoses` are by the topic's name.
    """
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, analysed_at=None).update(analysed_at=timezone.now()):
            return None
        return [_store(job, one, diagnoses.get(one.topic.name), analyst) for one in found]


def _seen(job: Job) -> _Seen:
    step = Step.objects.filter(job=job, name=PREPARED).first()
    frozen = step.data["examples"] if step else []
    wanted = [pk for pk, split, _ in frozen if split in SEARCHED]
    examples = Example.objects.filter(pk__in=wanted, redacted_at=None).order_by("id")
    answers = EvaluationRow.objects.filter(job=job, label=BASELINE)
    return _Seen(list(examples), {row.example_id: row for row in answers})


def _topic_row(example: Example, answer: EvaluationRow | None) -> TopicRow:
    return TopicRow(
        group=example.group,
        text=text_of(example.inputs),
        score=answer.score if answer else None,
        teaches=example.split == Split.TRAIN and example.kind in (RowKind.LABEL, RowKind.GOOD),
    )


def text_of(inputs: Mapping[str, Any]) -> str:
    """Return the words that a topic is made from."""
    return "\n".join(str(inputs[name]) for name in sorted(inputs))


def _found(topic: Topic, before: Insight | None, rows: int, seen: _Seen, task: Task) -> FoundTopic:
    share = topic.rows / max(1, rows)
    failed = _failed(topic, seen)
    return FoundTopic(
        topic=topic,
        life=life_of(topic, _sighting(before), share=share),
        share=share,
        insight_id=before.pk if before else None,
        finding=_finding(topic, failed),
        cases=tuple(_case(example, answer) for example, answer in failed),
    )


def _sighting(insight: Insight | None) -> Sighting | None:
    if insight is None:
        return None
    return Sighting(
        life=TopicLife(insight.life),
        members=frozenset(insight.members),
        share=insight.share,
        failures=insight.failures,
        failure_share=insight.failures / max(1, insight.scored),
    )


def _failed(topic: Topic, seen: _Seen) -> list[tuple[Example, EvaluationRow]]:
    places = {group: place for place, group in enumerate(topic.failing)}
    rows = [row for row in seen.examples if row.group in places and row.pk in seen.answers]
    rows.sort(key=lambda row: (places[row.group], row.pk))
    return [(row, seen.answers[row.pk]) for row in rows]


def _case(example: Example, answer: EvaluationRow) -> Case:
    return Case(example.inputs, example.outputs, answer.output or answer.text)


def _finding(topic: Topic, failed: Sequence[tuple[Example, EvaluationRow]]) -> str:
    """Say what can be counted: how many fail, and which mistake is the most frequent."""
    if not topic.failures:
        return f"None of {topic.scored} scored rows fails."
    said = f"{topic.failures} of {topic.scored} scored rows fail."
    mistakes = Counter(filter(None, (_mistake(*pair) for pair in failed)))
    if mistakes:
        mistake, times = mistakes.most_common(1)[0]
        said += f" Most often, {mistake} ({times} times)." if times > 1 else ""
    if topic.is_gap:
        said += f" Only {topic.examples} of its rows can serve as examples to learn from."
    return said


def _mistake(example: Example, answer: EvaluationRow) -> str:
    if answer.output is None:
        return "the answer could not be read"
    for name, expected in example.outputs.items():
        given = answer.output.get(name)
        if given != expected and len(str(expected)) <= _LONGEST_ANSWER >= len(str(given)):
            return f"“{given}” is answered where “{expected}” is right"
    return ""


def _store(job: Job, found: FoundTopic, diagnosis: Diagnosis | None, analyst: str) -> Insight:
    topic = found.topic
    facts: dict[str, Any] = {
        "name": topic.name[:200],
        "life": found.life.value,
        "members": list(topic.members[:MOST_MEMBERS]),
        "failing": list(topic.failing[:MOST_MEMBERS]),
        "rows": topic.rows,
        "scored": topic.scored,
        "failures": topic.failures,
        "examples": topic.examples,
        "share": found.share,
        "finding": found.finding,
        "last_job": job.public_id,
    }
    if diagnosis and diagnosis.cause:
        facts |= {
            "diagnosis": diagnosis.cause,
            "suggested_action": diagnosis.action,
            "analyst": analyst,
        }
    if found.life is TopicLife.REGRESSED:
        facts["state"] = InsightState.OPEN.value
    insight = _write(job, found.insight_id, facts)
    InsightSighting.objects.create(
        insight=insight,
        job=job.public_id,
        life=found.life.value,
        rows=topic.rows,
        scored=topic.scored,
        failures=topic.failures,
    )
    return insight


def _write(job: Job, insight_id: int | None, facts: Mapping[str, Any]) -> Insight:
    if insight_id is None:
        return Insight.objects.create(task=job.task, first_job=job.public_id, **facts)
    insight = Insight.objects.get(pk=insight_id)
    for name, value in facts.items():
        setattr(insight, name, value)
    insight.save(update_fields=[*facts, "updated_at"])
    return insight
