"""Whether the answer fits a JSON Schema (draft 2020-12): 1 or 0.

The whole answer is checked, or one `field`; a text is read as JSON first.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.linear_regex import compile_linear
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, unbroken

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING
_UNUSABLE = (RecursionError, ArithmeticError, Unresolvable, re2.error)


def build(options: Options, door: Door) -> Score:
    schema = options.mapping("schema")
    field = field_option(options)
    validator = _validator(schema, options)

    def score(case: Case) -> Mark:
        try:
            value = _value(case.output, field)
        except ValueError as error:
            return Mark(0.0, f"is not JSON: {error}")
        return _check(validator, value)

    return score


def _validator(schema: Mapping[str, Any], options: Options) -> Validator:
    # An empty registry: a schema that names an address is not fetched from there.
    validator = _Validator(schema, registry=Registry())
    try:
        _Validator.check_schema(schema)
        next(validator.iter_errors(None), None)
    except SchemaError as error:
        options.reject("schema", f"is no JSON Schema: {error.message[:300]}")
    except _UNUSABLE as error:
        options.reject("schema", f"cannot be used: {str(error)[:300]}")
    return validator


def _value(output: Mapping[str, Any], field: str) -> Any:
    """Return what is checked: a lone text output is a document of its own."""
    whole = output.get(field) if field else dict(output)
    lone = next(iter(output.values())) if len(output) == 1 and not field else whole
    if not isinstance(lone, str):
        return whole
    try:
        return json.loads(lone)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _check(validator: Validator, value: Any) -> Mark:
    try:
        error = next(validator.iter_errors(value), None)
    except _UNUSABLE as failure:
        return Mark(0.0, f"cannot be checked: {str(failure)[:300]}")
    if error is None:
        return Mark(1.0)
    return Mark(0.0, f"{error.json_path}: {error.message[:300]}")


def _pattern(
    validator: Validator, pattern: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and compile_linear(pattern).search(unbroken(instance)) is None:
        yield ValidationError(f"{instance[:100]!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, part in patterns.items():
        compiled = compile_linear(pattern)
        for name, value in instance.items():
            if compiled.search(unbroken(name)) is not None:
                yield from validator.descend(value, part, path=name, schema_path=pattern)


# With RE2 in place of Python's expressions, which a schema could let run for ever.
_Validator = extend(
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)
