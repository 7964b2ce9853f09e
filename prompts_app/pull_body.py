"""Title and body of a pull request, rendered from the frozen evidence alone.

Everything that a user or a model wrote stands in a fence or a code span longer than any run of
backticks in it, without characters that hide or turn text, and with mentions, references and links
broken, since hosts copy a body into commit messages, where fences mean nothing.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from feedback_app.models import Example
from kaizen_engine.states import Split, Verdict
from prompts_app.models import PromptVersion
from prompts_app.places import version_place
from prompts_app.review_page import SENTENCES, evidence_facts, score_of

LARGEST_BYTES = 60_000
LONGEST_TEXT = 600
LONGEST_WORD = 120
MOST_EXAMPLES = 5
# Invisible, and enough for no host to see a mention, a reference, a link or a quick action.
BREAK = "\u200b"
_LIVELY = re.compile(r"(?<=[@#!])(?=\w)|(?<=:)(?=//)|(?<=\b[Gg][Hh])(?=-\d)|(?m:(?<=^/)(?=\w))")
SHOWN_SPLITS = (Split.TRAIN.value, Split.DEV.value)


def pull_title(version: PromptVersion) -> str:
    """Return one line without anybody's words: slugs and figures only."""
    words = Verdict(version.verdict).value.replace("_", " ")
    score = score_of(version.evidence)
    gain = f", {score.gain}" if score and score.gain else ""
    return f"Propose version {version.number} of {version.task.slug}: {words}{gain}"


def pull_body(version: PromptVersion, path: str) -> str:
    """Return Markdown of at most 60 kB; examples that do not fit are left out."""
    parts = [_head(version, path), _figures(version), _reason(version)]
    body = "\n\n".join(part for part in parts if part)
    for title, name in (("Fixed", "fixed"), ("Broken", "broken")):
        body = _with_examples(body, version, title, name)
    return body + "\n"


def _head(version: PromptVersion, path: str) -> str:
    parent = version.parents.order_by("-id").first()
    page = version_place(version, parent.number if parent else None)
    lines = [
        f"## Version {version.number} of {span(version.task.slug)}",
        f"**{SENTENCES[version.verdict]}**",
    ]
    if version.verdict != Verdict.CONFIRMED:
        lines.append("A draft: look at the evidence before you merge it.")
    lines.append(
        f"This changes only {span(path)}. "
        f"[Evidence, changes and approval in Kaizen]({settings.CONFIG.base_url}{page})"
    )
    return "\n\n".join(lines)


def _figures(version: PromptVersion) -> str:
    rows = []
    score = score_of(version.evidence)
    if score:
        rows.append((score.title, f"{score.before:.1%} to {score.after:.1%}"))
        rows += [("Gain", score.gain), ("Interval", score.interval)] if score.gain else []
    rows += evidence_facts(version.evidence)
    rows.append(("Measured on this exact text", version.hash))
    lines = [f"| {name} | {span(str(figure))} |" for name, figure in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def _reason(version: PromptVersion) -> str:
    if not version.change_reason:
        return ""
    return "### Why\n\n" + fence(version.change_reason)


def _with_examples(body: str, version: PromptVersion, title: str, name: str) -> str:
    public_ids = version.evidence.get(name) or []
    # What is shown is seen: a row that decides must never be among these.
    shown = Example.objects.filter(
        task=version.task, public_id__in=public_ids, split__in=SHOWN_SPLITS
    ).order_by("id")[:MOST_EXAMPLES]
    count = min(len(public_ids), MOST_EXAMPLES)
    head = f"\n\n### {title} on dev: {len(public_ids)}, here {count}"
    for block in _blocks(shown):
        if len((body + head + block).encode()) > LARGEST_BYTES:
            break
        body, head = body + head + block, ""
    return body


def _blocks(examples: Iterable[Example]) -> Iterable[str]:
    for example in examples:
        yield f"\n\n{fence(_plain(example.inputs))}\nexpected\n{fence(_plain(example.outputs))}"


def _plain(values: Mapping[str, Any]) -> str:
    if len(values) == 1 and isinstance(only := next(iter(values.values())), str):
        return only
    return json.dumps(values, ensure_ascii=False, indent=1)


def fence(text: str) -> str:
    """Return a code block that the text cannot end."""
    text = tame(text, LONGEST_TEXT)
    marks = "`" * max(3, _longest_run(text) + 1)
    return f"{marks}text\n{text}\n{marks}"


def span(text: str) -> str:
    """Return a code span of one line that the text cannot end, fit for a table."""
    text = " ".join(tame(text, LONGEST_WORD).split()).replace("|", "¦") or " "
    marks = "`" * (_longest_run(text) + 1)
    pad = " " if "`" in text else ""
    return f"{marks}{pad}{text}{pad}{marks}"


def tame(text: str, longest: int) -> str:
    """Return the text cut, without hidden characters, its mentions and references broken."""
    kept = "".join(char for char in text if char in "\n\t" or unicodedata.category(char)[0] != "C")
    kept = kept.replace("\u2028", "\n").replace("\u2029", "\n")
    if len(kept) > longest:
        kept = kept[:longest] + "…"
    return _LIVELY.sub(BREAK, kept)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
