"""JSON Schema for what a run is given: checking a schema, checking a value, filling in defaults.

References between schemas are refused (they can point outside or at themselves), and `pattern` runs
on CEL's engine, which takes linear time whatever the pattern.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend

from apps.workflows.marked import Path, is_storable

MAX_VALUE_DEPTH = 32
MAX_INTEGER = 2**63
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one part of a value or schema; an empty path is the whole."""

    path: Path
    message: str

    @property
    def field(self) -> str:
        return dotted(self.path)


def dotted(path: Path) -> str:
    """A path as people write it: `steps[2].needs[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def schema_problems(schema: Mapping[str, Any]) -> list[Problem]:
    """Why a value is no input schema; empty when it is one."""
    found = [
        Problem(path, f"{word} is not allowed: write the schema in place") for path, word in _refs(schema, ())
    ]
    if schema.get("type", "object") != "object":
        found.append(Problem(("type",), "the input of a run is an object: write `type: object`"))
    if found:
        return found
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return [Problem(tuple(error.absolute_path), error.message[:300])]
    return [
        Problem(path, "this is not a regular expression (RE2 syntax: no look-around, no back-references)")
        for path, pattern in _patterns(schema, ())
        if not _compiles(pattern)
    ]


def with_defaults(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `value` with the defaults of absent properties, also inside given objects."""
    filled = dict(value)
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, Mapping):
            continue
        if name not in filled and "default" in part:
            filled[name] = copy.deepcopy(part["default"])
        elif isinstance(filled.get(name), Mapping):
            filled[name] = with_defaults(part, filled[name])
    return filled


def value_problems(schema: Mapping[str, Any], value: Any) -> list[Problem]:
    """What in `value` does not fit the schema, one line a field; empty when it fits."""
    errors = _Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value)
    found: dict[Path, Problem] = {}
    for error in errors:
        path = tuple(error.absolute_path)
        if error.validator == "required":
            wanted: Any = error.validator_value
            given: Any = error.instance
            missing = next(name for name in wanted if name not in given)
            path = (*path, missing)
        found.setdefault(path, Problem(path, _message(error)))
    return list(found.values())


def unstorable(value: Any) -> list[Problem]:
    """What in a JSON value neither the database nor CEL can hold, whatever the schema says."""
    return list(_unstorable(value, ()))


def _message(error: ValidationError) -> str:
    expected: Any = error.validator_value
    match error.validator:
        case "required":
            return "this field is required"
        case "type":
            return f"must be {' or '.join([expected] if isinstance(expected, str) else expected)}"
        case "enum":
            return f"must be one of {', '.join(map(str, expected))}"
        case "minLength" if expected == 1:
            return "must not be empty"
        case "minLength":
            return f"must have at least {expected} characters"
        case "maxLength":
            return f"must have at most {expected} characters"
        case "minimum":
            return f"must be {expected} or more"
        case "maximum":
            return f"must be {expected} or less"
        case "pattern":
            return f"must match {expected}"
        case "format":
            return f"must be a valid {expected}"
        case "additionalProperties":
            return _unknown_field(error)
    return error.message[:200]


def _unknown_field(error: ValidationError) -> str:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    known = schema.get("properties", {})
    instance = error.instance if isinstance(error.instance, Mapping) else {}
    extra = [name for name in instance if name not in known]
    if not extra:
        return error.message[:200]
    return f"unknown field {extra[0]!r}; known fields: {', '.join(known) or 'none'}"


def _unstorable(value: Any, path: Path) -> Iterator[Problem]:
    if len(path) > MAX_VALUE_DEPTH:
        yield Problem(path[:3], f"is nested deeper than {MAX_VALUE_DEPTH} levels")
    elif isinstance(value, str):
        if not is_storable(value):
            yield Problem(path, "holds a NUL or half a surrogate pair")
    elif isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        yield Problem(path, "must fit into 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, "is not a JSON number")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not is_storable(key):
                yield Problem(path, "a field's name holds a NUL or half a surrogate pair")
                continue
            yield from _unstorable(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable(item, (*path, index))


def _refs(schema: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """References in a schema; a property that happens to be called `$ref` is none."""
    for key, part, here in _children(schema, path):
        if key in _REFERENCES and isinstance(part, str):
            yield here, str(key)
        yield from _refs(part, here)


def _patterns(schema: Any, path: Path) -> Iterator[tuple[Path, str]]:
    for key, part, here in _children(schema, path):
        if key == "pattern" and isinstance(part, str):
            yield here, part
        if key == "patternProperties" and isinstance(part, Mapping):
            yield from ((here, pattern) for pattern in part)
        yield from _patterns(part, here)


def _children(schema: Any, path: Path) -> Iterator[tuple[str | int, Any, Path]]:
    if isinstance(schema, Mapping):
        for key, part in schema.items():
            if key not in ("default", "examples", "const", "enum"):
                yield key, part, (*path, key)
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield index, part, (*path, index)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> cel.Program:
    return cel.compile(f"text.matches({_quoted(pattern)})")


def _quoted(text: str) -> str:
    escaped = "".join(c if c.isalnum() or c in " _-" else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def _matches(pattern: str, text: str) -> bool:
    return bool(_matcher(pattern).execute({"text": text}))


def _compiles(pattern: str) -> bool:
    try:
        _matches(pattern, "")
    except (ValueError, RuntimeError):
        return False
    return True


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError(f"does not match {pattern}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)
