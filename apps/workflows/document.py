"""The workflow document: what a definition may say, read from YAML or JSON with errors that name
line, path and fix. Plain Python; whether its commands and agents exist is asked elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from apps.workflows import document_checks, marked
from apps.workflows.document_checks import MAX_PROBLEMS, DocumentError, DocumentProblem
from apps.workflows.document_parts import (
    RESERVED_SLUGS,
    Approval,
    Concurrency,
    Document,
    Escalate,
    GoTo,
    Http,
    Map,
    Notify,
    Retry,
    Step,
    Wait,
)
from apps.workflows.marked import Marked, Path, TextError

__all__ = [
    "MAX_PROBLEMS",
    "RESERVED_SLUGS",
    "Approval",
    "Concurrency",
    "Document",
    "DocumentError",
    "DocumentProblem",
    "Escalate",
    "GoTo",
    "Http",
    "Map",
    "Notify",
    "Retry",
    "Step",
    "Wait",
    "checksum",
    "json_schema",
    "located",
    "parse",
    "restore",
    "same_text",
]

SCHEMA_ID = "urn:mission-control:workflow:1"


def parse(text: str) -> Document:
    """Read a definition from YAML or JSON text. Raises DocumentError with every problem found."""
    try:
        source = marked.load(text)
    except TextError as error:
        raise DocumentError([DocumentProblem("", error.message, error.line, error.column)]) from None
    return _check(source)


def located(text: str, found: list[tuple[Path, str]]) -> DocumentError:
    """The error for problems that were found in a document after it was parsed from `text`."""
    source = marked.load(text)
    return DocumentError([document_checks.problem(source, path, message) for path, message in found])


def restore(text: str) -> Document:
    """A document that was checked when it was saved, from `dump`; rules made since do not apply."""
    return Document.model_validate_json(text)


def checksum(document: Document) -> str:
    """The same for documents that mean the same, whatever their comments and layout."""
    return hashlib.sha256(document.dump().encode()).hexdigest()


def same_text(one: str, other: str) -> bool:
    """Whether two texts have the same lines, however these end."""
    return one.splitlines() == other.splitlines()


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of a workflow document, for editors and checkers."""
    schema = Document.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
        "title": "Mission Control workflow",
    }


def _check(source: Marked) -> Document:
    if not isinstance(source.value, Mapping):
        said = "a workflow is a mapping with name, slug and steps"
        raise DocumentError([document_checks.problem(source, (), said)])
    try:
        document = Document.model_validate(source.value)
    except ValidationError as error:
        found = error.errors()[:MAX_PROBLEMS]
        raise DocumentError([document_checks.of_schema(source, item) for item in found]) from None
    if problems := document_checks.problems(source, document):
        raise DocumentError(problems)
    return document
