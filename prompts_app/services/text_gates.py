"""What the text of a version must keep of the text that it replaces."""

from collections.abc import Iterable
from typing import Any

from feedback_app.models import Example as Row
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.optimize.candidate_checks import (
    COPIED_TOKENS,
    LONGEST_INSTRUCTION,
    copied_run,
    example_runs,
)
from kaizen_engine.prompts.render import template_variables
from kaizen_engine.states import Origin, Split
from prompts_app.gates import Check, Gate, check_that, not_applicable
from prompts_app.models import PromptVersion

BATCH = 500
FIRST = "It replaces nothing."


def text_checks(version: PromptVersion, before: PromptVersion | None) -> list[Check]:
    """Compare with what is live, or with what the version was made of."""
    if before is None:
        return [not_applicable(gate, FIRST) for gate in (Gate.LOCKED, Gate.VARIABLES, Gate.LENGTH)]
    old, new = before.artifact, version.artifact
    return [_locked(version, old, new), _variables(old, new), _length(old, new)]


def copied_check(version: PromptVersion, before: PromptVersion | None) -> Check:
    """Look for a run of tokens of any example that the instruction did not have before."""
    if before is None:
        return not_applicable(Gate.COPIED, FIRST)
    runs = _runs(version.artifact["system"]) - _runs(before.artifact.get("system", ""))
    found = _first_copied(version, frozenset(runs)) if runs else ""
    return check_that(
        Gate.COPIED,
        not found,
        f"It shares no {COPIED_TOKENS} words in a row with an example.",
        f"the instruction copies {COPIED_TOKENS} words of an example: “{found}”",
    )


def _locked(version: PromptVersion, old: dict[str, Any], new: dict[str, Any]) -> Check:
    locked = [text for text in locked_texts(version) if text in _text(old)]
    if not locked:
        return not_applicable(Gate.LOCKED, "The prompt has no locked section.")
    lost = [text for text in locked if text not in _text(new)]
    count = f"{len(locked)} locked section" + ("s" if len(locked) > 1 else "")
    return check_that(
        Gate.LOCKED,
        not lost,
        f"{count}, as before.",
        f"a locked section was changed: “{_short(lost[0])}”" if lost else "",
    )


def locked_texts(version: PromptVersion) -> Iterable[str]:
    """Return what the task says must stay; a task without such sections has none."""
    texts: list[str] = version.task.locked_text
    return texts


def _variables(old: dict[str, Any], new: dict[str, Any]) -> Check:
    lost = sorted(set(template_variables(_text(old))) - set(template_variables(_text(new))))
    names = ", ".join(f"{{{{{name}}}}}" for name in lost)
    return check_that(
        Gate.VARIABLES, not lost, "None is missing.", f"it does not use {names} any more"
    )


def _length(old: dict[str, Any], new: dict[str, Any]) -> Check:
    most = max(LONGEST_INSTRUCTION, len(old.get("system", "")))
    has = len(new["system"])
    return check_that(
        Gate.LENGTH,
        has <= most,
        f"{has:,} characters of at most {most:,}.",
        f"the instruction has {has:,} characters, and {most:,} are the most",
        characters=has,
        most=most,
    )


def _first_copied(version: PromptVersion, runs: frozenset[tuple[str, ...]]) -> str:
    rows = Row.objects.filter(task_id=version.task_id).values_list("inputs", "outputs")
    for inputs, outputs in rows.iterator(chunk_size=BATCH):
        shared = runs & example_runs([_example(inputs, outputs)])
        if shared:
            return copied_run(version.artifact["system"], frozenset(shared))
    return ""


def _runs(text: str) -> set[tuple[str, ...]]:
    return example_runs([_example({"text": text}, {})])


def _example(inputs: Any, outputs: Any) -> Example:
    return Example("", inputs, outputs or {}, Split.DEV, "", Origin.USER, deciding=False)


def _text(artifact: dict[str, Any]) -> str:
    return f"{artifact.get('system', '')}\n{artifact.get('user_template', '')}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
