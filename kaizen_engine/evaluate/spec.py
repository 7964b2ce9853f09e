"""From plain JSON to an evaluator, and the hash that says when two are the same.

An evaluator is one file in `evaluators/`, named as its kind: TIER, NEEDS and `build`; HEAVY where
it loads a large library to score, WORDING where it has a text of its own for a model. Files are
found by their names and imported when a spec asks for them.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from kaizen_engine.evaluate import evaluators
from kaizen_engine.evaluate.composite import COMPOSITE, Composite, Part, Single, read_parts
from kaizen_engine.evaluate.evaluator import (
    Door,
    Evaluator,
    InvalidEvaluator,
    Needs,
    NoModels,
    Score,
    Tier,
)
from kaizen_engine.evaluate.judging import DEFAULT_SHARE
from kaizen_engine.evaluate.options import Options
from kaizen_engine.prompts.artifact import canonical_json, sha256_hex

Spec = str | Mapping[str, Any]

KINDS: Mapping[str, str] = {
    found.name: f"{evaluators.__name__}.{found.name}" for found in iter_modules(evaluators.__path__)
}
DEFAULT: Mapping[str, Any] = {"kind": "exact_match"}
LARGEST_SPEC = 50_000
_LETTERS_PER_TOKEN = 4


class _Module(Protocol):
    TIER: Tier
    NEEDS: Needs

    def build(self, options: Options, door: Door) -> Score: ...


def evaluator_from_spec(spec: Spec, *, door: Door | None = None) -> Evaluator:
    """Return the evaluator that `spec` describes; a bare name is a kind without settings.

    Without a `door` it can be checked, and used as far as it asks no model. Raises
    InvalidEvaluator with everything that is wrong, by place.
    """
    problems: dict[str, str] = {}
    built = _build(normal_spec(spec), door or NoModels(), problems)
    if problems or built is None:
        raise InvalidEvaluator(problems)
    return built


def normal_spec(spec: Spec) -> dict[str, Any]:
    """Return the spec as an object of plain JSON. Raises InvalidEvaluator."""
    if isinstance(spec, str):
        return {"kind": spec}
    if not isinstance(spec, Mapping):
        raise InvalidEvaluator({"": "must be an object with a kind"})
    try:
        is_too_large = len(canonical_json(spec)) > LARGEST_SPEC
    except ValueError as error:
        raise InvalidEvaluator({"": f"must be plain JSON: {error}"}) from error
    if is_too_large:
        raise InvalidEvaluator({"": f"must be at most {LARGEST_SPEC} characters long"})
    return dict(spec)


def evaluator_hash(spec: Spec) -> str:
    """Return the SHA-256 over all that can change a score: settings, rubric, model, wording."""
    whole = normal_spec(spec)
    wordings = {
        kind: wording
        for kind in sorted({part.get("kind", "") for part in parts_of(whole)})
        if (wording := _wording(kind))
    }
    return sha256_hex(canonical_json({"spec": whole, "wordings": wordings}))


def parts_of(spec: Spec) -> list[dict[str, Any]]:
    """Return the specs of the evaluators that do the work: the parts, or the one itself."""
    whole = normal_spec(spec)
    if whole.get("kind") != COMPOSITE:
        return [whole]
    return [dict(part) for part in whole.get("parts", ()) if isinstance(part, Mapping)]


def judge_specs(spec: Spec) -> list[dict[str, Any]]:
    """Return the parts that ask a judge, without their place in the whole.

    A passport is bound to the hash of one of these: another weight does not change the judge.
    """
    place = {"name", "weight", "hard", "at_least", "second"}
    return [
        {name: value for name, value in part.items() if name not in place}
        for part in parts_of(spec)
        if part.get("kind") in KINDS and _module(part["kind"]).TIER is Tier.JUDGE
    ]


def models_of(spec: Spec) -> tuple[str, ...]:
    """Return every `<connection>/<model>` that the evaluator asks, each once."""
    return tuple(dict.fromkeys(_models(parts_of(spec))))


@dataclass(frozen=True)
class Asked:
    """How often an evaluator asks one model about one answer, at least and at most.

    `sent` are the tokens of a call beside input and answers: wording and rubric.
    """

    model: str
    low: float
    high: float
    sent: int


def asked_models(spec: Spec) -> list[Asked]:
    """Return what each scored answer costs in calls; one that fails a hard check costs none."""
    found = []
    for part in parts_of(spec):
        calls = getattr(_module(part["kind"]), "CALLS", None) if part.get("kind") in KINDS else None
        if calls is None:
            continue
        low, high = calls
        sent = len(_wording(part["kind"]) + str(part.get("rubric", ""))) // _LETTERS_PER_TOKEN
        found.append(Asked(str(part.get("model")), low, high, sent))
        if second := part.get("second"):
            share = second.get("share", DEFAULT_SHARE)
            found.append(Asked(str(second.get("model")), share * low, share * high, sent))
    return found


def short_name(spec: Spec) -> str:
    """Return what the evaluator is called on pages, as in "0.7 exact match + 0.3 length"."""
    whole = normal_spec(spec)
    if whole.get("kind") != COMPOSITE:
        return _words(whole)
    return " + ".join(_weighted(part) for part in parts_of(whole))


def describe_kinds() -> list[dict[str, str]]:
    """Return name, tier and one sentence of every kind there is."""
    found = []
    for kind in KINDS:
        module = _module(kind)
        sentence = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
        found.append({"kind": kind, "tier": module.TIER.name.lower(), "says": sentence})
    return sorted(found, key=lambda one: (Tier[one["tier"].upper()], one["kind"]))


def _build(spec: dict[str, Any], door: Door, problems: dict[str, str]) -> Evaluator | None:
    if spec.get("kind") != COMPOSITE:
        return _single(spec, door, problems)
    options = Options(spec, problems)
    places = read_parts(options, problems)
    options.close()
    built = [
        Part(place, single)
        for place in places
        if (single := _single(place.spec, door, problems, place.path, place.name)) is not None
    ]
    return Composite(tuple(built))


def _single(
    spec: dict[str, Any],
    door: Door,
    problems: dict[str, str],
    path: str = "",
    name: str = "",
) -> Single | None:
    options = Options(spec, problems, path)
    kind = options.choice("kind", (*KINDS, COMPOSITE) if not path else tuple(KINDS))
    if kind != spec.get("kind"):
        return None
    module = _module(kind)
    score = module.build(options, door)
    options.close()
    is_heavy = getattr(module, "HEAVY", False)
    return Single(name or kind, module.TIER, module.NEEDS, score, is_heavy)


def _module(kind: str) -> _Module:
    return cast(_Module, import_module(KINDS[kind]))


def _wording(kind: str) -> str:
    """Return the text a judge is asked with, which is not part of its settings."""
    return getattr(_module(kind), "WORDING", "") if kind in KINDS else ""


def _models(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("model"), str):
            yield value["model"]
        yield from _models(list(value.values()))
    elif isinstance(value, list):
        for part in value:
            yield from _models(part)


def _weighted(part: Mapping[str, Any]) -> str:
    if not part.get("weight"):
        return f"{_words(part)} as a hard check"
    return f"{part['weight']:g} {_words(part)}"


def _words(part: Mapping[str, Any]) -> str:
    return str(part.get("name") or part.get("kind", "")).replace("_", " ")
