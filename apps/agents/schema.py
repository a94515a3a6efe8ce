"""JSON Schema of command inputs, and prompts made from inputs. Plain Python: no Django."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@lru_cache(maxsize=1024)
def _validator(schema_text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text))


def input_errors(schema: dict[str, Any], value: Any) -> dict[str, list[str]]:
    """What is wrong with `value`, by dotted path below `input`; empty when nothing is."""
    validator = _validator(json.dumps(schema, sort_keys=True))
    errors: dict[str, list[str]] = {}
    for error in validator.iter_errors(value):
        errors.setdefault(_path(error), []).append(_said(error))
    return errors


def schema_error(schema: Any) -> str:
    """Why `schema` is no JSON Schema of an object; empty when it is one."""
    if not isinstance(schema, dict):
        return "must be a JSON Schema object"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"is not a JSON Schema: {error.message}"
    if schema.get("type", "object") != "object":
        return "must describe an object (type: object)"
    return ""


def with_defaults(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """`value` with the schema's top-level defaults where it names nothing."""
    filled = dict(value)
    for name, part in schema.get("properties", {}).items():
        if name not in filled and isinstance(part, dict) and "default" in part:
            filled[name] = part["default"]
    return filled


def render_prompt(template: str, value: dict[str, Any]) -> str:
    """The template with `{{ name }}` replaced once, so that a value cannot name another value."""

    def one(match: re.Match[str]) -> str:
        found = value.get(match.group(1), "")
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, indent=2)

    return PLACEHOLDER.sub(one, template)


def _path(error: ValidationError) -> str:
    parts = ["input", *(str(part) for part in error.absolute_path)]
    if error.validator == "required" and isinstance(error.instance, dict):
        required: Any = error.validator_value
        missing = [name for name in required if name not in error.instance]
        if missing:
            named = re.match(r"'(.+)' is a required property", error.message)
            parts.append(named.group(1) if named else missing[0])
    return ".".join(parts)


def _said(error: ValidationError) -> str:
    if error.validator == "required":
        return "This field is required."
    # A message repeats the value it refuses; a long one says nothing more than a short one.
    return error.message if len(error.message) <= 300 else error.message[:297] + "…"
