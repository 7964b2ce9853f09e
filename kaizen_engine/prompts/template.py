"""Take over a customer's template without changing a character that the model will see."""

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, NamedTuple, NoReturn

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts.render import template_variables

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_DOUBLE = re.compile(r"(?<!\{)\{\{([^{}]*)\}\}(?!\})")
_BLOCKS = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FORMATTED = re.compile(r"\{(\d*|[A-Za-z_]\w*\s*[.\[!:(|][^{}]*)\}")


class ImportedTemplate(NamedTuple):
    """`variables` in order of appearance; the templates use `{{name}}` only."""

    layout: str
    system: str
    user_template: str
    variables: tuple[str, ...]


def import_template(
    source: str | Sequence[Mapping[str, Any]], names: Sequence[str] | None = None
) -> ImportedTemplate:
    """Read one text, one user message, or a system and a user message.

    Variables are f-string `{x}` or `{{x}}`; `names`, where given, are the inputs there are, and
    decide between the two where both readings are possible. Raises InvalidArtifact for template
    logic, for a variable that is not in `names`, and for what cannot be kept as it is.
    """
    layout, system, user = _parts(source)
    system, user = _converted([system, user], names)
    variables = dict.fromkeys([*template_variables(system), *template_variables(user)])
    if names is not None:
        for name in variables:
            if name not in names:
                _refuse(f"{{{{{name}}}}} is not one of the inputs")
    return ImportedTemplate(layout, system, user, tuple(variables))


def _parts(source: str | Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    if isinstance(source, str):
        source = [{"role": "user", "content": source}]
    roles = [message.get("role") for message in source]
    texts = [message.get("content") for message in source]
    if roles not in (["user"], ["system", "user"]):
        _refuse("expected one user message, or a system message and a user message")
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            _refuse("every message needs content, as text")
    if len(texts) == 1:
        return "user_only", "", str(texts[0])
    return "chat", str(texts[0]), str(texts[1])


def _converted(texts: Sequence[str], names: Sequence[str] | None) -> list[str]:
    double, single = _double_names(texts, names), _single_names(texts)
    if double and single:
        double, single = _decided(double, single, names)
    if single:
        return [_from_format(text) for text in texts]
    for text in texts:
        _refuse_logic(text, double)
    return list(texts)


def _double_names(texts: Sequence[str], names: Sequence[str] | None) -> set[str]:
    found = {name.strip() for text in texts for name in _DOUBLE.findall(text)}
    return {name for name in found if _NAME.fullmatch(name) or name in (names or ())}


def _single_names(texts: Sequence[str]) -> set[str]:
    """Return the fields of a format string that has only plain names, else nothing."""
    found: set[str] = set()
    for text in texts:
        try:
            pieces = list(Formatter().parse(text))
        except ValueError:
            return set()
        for _, name, spec, conversion in pieces:
            if name is None:
                continue
            if spec or conversion or not name.isidentifier():
                return set()
            found.add(name)
    return found


def _decided(
    double: set[str], single: set[str], names: Sequence[str] | None
) -> tuple[set[str], set[str]]:
    fits_double, fits_single = double <= set(names or ()), single <= set(names or ())
    if fits_double == fits_single:
        _refuse(
            f"{{{sorted(single)[0]}}} and {{{{{sorted(double)[0]}}}}} are both in the template: "
            "name the inputs, or write every variable with double braces"
        )
    return (double, set()) if fits_double else (set(), single)


def _from_format(text: str) -> str:
    built, wanted = "", []
    for literal, name, _, _ in Formatter().parse(text):
        built += literal
        if name is not None:
            wanted.append(name)
            built += f"{{{{{name}}}}}"
    if template_variables(built) != list(dict.fromkeys(wanted)):
        _refuse("double braces in the text itself cannot be kept apart from variables")
    return built


def _refuse_logic(text: str, double: set[str]) -> None:
    block = _BLOCKS.search(text)
    if block:
        _refuse(f"template logic is not supported: {block.group()[:60]}")
    for name in template_variables(text):
        if name not in double:
            _refuse(f"only plain names are supported between double braces: {{{{{name[:60]}}}}}")
    formatted = None if double else _FORMATTED.search(text)
    if formatted:
        _refuse(f"only plain names are supported between braces: {formatted.group()[:60]}")


def _refuse(problem: str) -> NoReturn:
    raise InvalidArtifact(f"template: {problem}")
