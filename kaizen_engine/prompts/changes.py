"""What one prompt changes against another, counted and said in a line."""

from collections.abc import Iterator

from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.diff import diff_words

_SIGNS = {"insert": "+", "delete": "-"}


def change_reason(before: PromptArtifact, after: PromptArtifact) -> str:
    """Return for instance "instruction: 12 words added, 3 removed; 4 demonstrations added"."""
    said = [*_text_changes(before, after), *_demo_changes(before, after), *_other(before, after)]
    return "; ".join(said) or "no change"


def change_lines(before: PromptArtifact, after: PromptArtifact) -> list[str]:
    """Return the change in a line, then every text that was added or removed, signed."""
    lines = [change_reason(before, after)]
    for old, new in ((before.system, after.system), (before.user_template, after.user_template)):
        spans = diff_words(old, new)
        lines += [f"{_SIGNS[span.op]} {span.text.strip()}" for span in spans if span.op in _SIGNS]
    old_demos, new_demos = ([demo.to_dict() for demo in side.demos] for side in (before, after))
    lines += [f"+ demonstration {demo}" for demo in new_demos if demo not in old_demos]
    lines += [f"- demonstration {demo}" for demo in old_demos if demo not in new_demos]
    return lines


def _text_changes(before: PromptArtifact, after: PromptArtifact) -> Iterator[str]:
    sides = (
        ("instruction", before.system, after.system),
        ("user message", before.user_template, after.user_template),
    )
    for name, old, new in sides:
        if old != new:
            spans = diff_words(old, new)
            added, removed = (
                sum(len(span.text.split()) for span in spans if span.op == op)
                for op in ("insert", "delete")
            )
            yield f"{name}: {_counted(added, 'word')} added, {removed} removed"


def _demo_changes(before: PromptArtifact, after: PromptArtifact) -> Iterator[str]:
    old, new = ([demo.to_dict() for demo in side.demos] for side in (before, after))
    added = sum(demo not in old for demo in new)
    removed = sum(demo not in new for demo in old)
    for count, word in ((added, "added"), (removed, "removed")):
        if count:
            yield f"{_counted(count, 'demonstration')} {word}"
    if not added and not removed and old != new:
        yield "demonstrations in another order"


def _other(before: PromptArtifact, after: PromptArtifact) -> Iterator[str]:
    if before.reasoning != after.reasoning:
        yield "reasoning on" if after.reasoning else "reasoning off"
    if before.params != after.params or before.model != after.model:
        yield "model or parameters"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
