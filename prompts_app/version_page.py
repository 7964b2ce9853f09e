"""One version on a page of its own: what it says, what was found, where it came from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from prompts_app.demo_diff import DemoLine, demo_lines
from prompts_app.gates import LABELS, Check
from prompts_app.long_text import LongText, cut_text
from prompts_app.models import GateResult, PromptVersion
from prompts_app.prompt_page import Passage, passages_of
from prompts_app.review_page import (
    SENTENCES,
    TONES,
    Score,
    as_shown,
    evidence_facts,
    score_of,
    standing,
)
from prompts_app.selectors import live_version
from prompts_app.services.checks import EVENTS, gate_checks, measured

MOST_CHILDREN = 20


@dataclass(frozen=True)
class VersionPage:
    """`live` is what is live now, which may be this one; `contract` is what it takes and gives."""

    version: PromptVersion
    live: PromptVersion | None
    sentence: str
    tone: str
    standing: str
    passages: list[Passage]
    demos: list[DemoLine]
    contract: list[tuple[str, LongText]]
    score: Score | None
    facts: list[tuple[str, str]]
    checks: list[Check]
    history: list[tuple[str, GateResult]]
    tags: list[str]
    parents: list[PromptVersion]
    children: list[PromptVersion]
    job: UUID | None

    @property
    def is_live(self) -> bool:
        return self.live == self.version

    @property
    def other(self) -> PromptVersion | None:
        """Return what a reader compares it with: what is live, else what it came from."""
        if self.live and not self.is_live:
            return self.live
        return self.parents[-1] if self.parents else None


def version_page_of(version: PromptVersion) -> VersionPage:
    live = live_version(version.task)
    found = measured(version)
    events = list(version.gates.filter(name__in=EVENTS).order_by("id"))
    bare = PromptVersion.objects.only("id", "number")
    return VersionPage(
        version=version,
        live=live,
        sentence=SENTENCES[found.verdict],
        tone=TONES.get(found.verdict, ""),
        standing=standing(version, is_live=live == version, gates=events),
        passages=passages_of(version.artifact),
        demos=demo_lines([], version.artifact.get("demos", []), is_first=True),
        contract=_contract(version.artifact),
        score=score_of(found.summary),
        facts=evidence_facts(found.summary),
        checks=as_shown(gate_checks(version, live), version, live),
        history=[(LABELS[event.name], event) for event in events],
        tags=list(version.tags.order_by("name").values_list("name", flat=True)),
        parents=list(bare.filter(children=version).order_by("number")),
        children=list(bare.filter(parents=version).order_by("-number")[:MOST_CHILDREN]),
        job=version.origin_job,
    )


def _contract(artifact: Mapping[str, Any]) -> list[tuple[str, LongText]]:
    fields = [
        (_("Inputs"), [_field(one) for one in artifact.get("inputs", ())]),
        (_("Answer"), [_field(one) for one in artifact.get("outputs", ())]),
        (_("Thinks first"), [_("yes") if artifact.get("reasoning") else _("no")]),
        (_("Model"), [artifact.get("model") or _("the application's choice")]),
        (_("Parameters"), [json.dumps(artifact.get("params") or {}, ensure_ascii=False)]),
    ]
    return [(name, cut_text("\n".join(lines))) for name, lines in fields if lines != ["{}"]]


def _field(field: Mapping[str, Any]) -> str:
    labels = f": {', '.join(field['enum'])}" if field.get("enum") else ""
    about = f" – {field['description']}" if field.get("description") else ""
    return f"{field['name']} ({field['type']}{labels}){about}"
