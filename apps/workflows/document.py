"""The workflow document: what a definition may say, read from YAML or JSON with errors that name
line, path and fix. Plain Python; whether its commands and agents exist is asked elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.workflows import expressions, inputs, marked
from apps.workflows.expressions import ExpressionError
from apps.workflows.graph import Graph, GraphError, unknown_needs
from apps.workflows.marked import Marked, Path, TextError

SCHEMA_ID = "urn:mission-control:workflow:1"
MAX_STEPS = 1_000
KEY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
RESERVED_SLUGS = ("new", "schema", "validation")  # pages and endpoints beside those of workflows

Key = Annotated[str, Field(pattern=KEY_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Seconds = Annotated[float, Field(gt=0, le=2_592_000)]


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """One thing that is wrong with a document, where it is, and how to mend it."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class DocumentError(ValueError):
    """A text that is no workflow. `problems` are in the order of their lines."""

    def __init__(self, problems: list[DocumentProblem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        super().__init__("\n".join(map(str, self.problems)))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Retry(_Part):
    """How often and how soon a failed attempt is repeated; pauses double and are random by half."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    backoff_seconds: Annotated[float, Field(ge=0, le=3600)] = 2
    max_backoff_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60


class Approval(_Part):
    """A question to people; while it is open the step holds no worker and no slot."""

    title: Annotated[str, Field(min_length=1, max_length=300, description="May hold ${{ CEL }}")]
    details: Annotated[str, Field(max_length=10_000, description="May hold ${{ CEL }}")] = ""
    fields: Annotated[
        dict[str, Any], Field(description="JSON Schema of a form; its values become output.fields")
    ] = {}
    min_approvals: Annotated[int, Field(ge=1, le=50, description="How many people must agree")] = 1
    allow_requester: Annotated[bool, Field(description="false: whoever started the run cannot decide")] = True
    expires_seconds: Annotated[
        Seconds | None, Field(description="Without it the question stays open until somebody decides")
    ] = None
    on_expiry: Literal["reject", "approve"] = "reject"


class Wait(_Part):
    """A pause of some seconds, or until a moment."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["seconds"]}, {"required": ["until"]}]}
    )

    seconds: Seconds | None = None
    until: Annotated[
        str | None, Field(min_length=1, description="RFC 3339 with an offset; may hold ${{ CEL }}")
    ] = None


class Step(_Part):
    """One node: a command, an approval or a wait, and what follows when it fails."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("command", "approval", "wait")]}
    )

    key: Key
    name: Annotated[str, Field(max_length=200)] = ""
    command: Annotated[str | None, Field(min_length=1, max_length=100, description="A catalogue entry")] = (
        None
    )
    approval: Approval | None = None
    wait: Wait | None = None
    agent: Annotated[
        str | None,
        Field(max_length=100, description="The slug of one agent; without it any agent that can do it"),
    ] = None
    needs: Annotated[list[str], Field(description="Keys of the steps that must be over before")] = []
    with_: Annotated[
        dict[str, Any], Field(alias="with", description="The command's input; texts may hold ${{ CEL }}")
    ] = {}
    when: Annotated[
        str | None, Field(min_length=1, description="CEL; the step is skipped unless it is true")
    ] = None
    retry: Retry | None = None
    timeout_seconds: Seconds | None = None
    queue_timeout_seconds: Seconds = 3600
    on_failure: Literal["fail", "continue"] = "fail"

    @property
    def kind(self) -> Literal["command", "approval", "wait"]:
        return "approval" if self.approval else "wait" if self.wait else "command"

    @property
    def title(self) -> str:
        return self.name or self.key.replace("_", " ").capitalize()


KINDS = ("command", "approval", "wait")
ONLY_COMMANDS = frozenset({"agent", "with_", "retry", "timeout_seconds", "queue_timeout_seconds"})
PARTS: dict[str, type[BaseModel]] = {"retry": Retry, "approval": Approval, "wait": Wait}


class Document(_Part):
    """A whole workflow definition."""

    name: Name
    slug: Annotated[str, Field(pattern=SLUG_PATTERN, max_length=100)]
    description: Annotated[str, Field(max_length=500)] = ""
    input: Annotated[dict[str, Any], Field(description="JSON Schema of the object a run is given")] = {}
    timeout_seconds: Annotated[
        Seconds | None, Field(description="A run that takes longer fails; without it there is no limit")
    ] = None
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    output: Annotated[
        dict[str, Any] | None, Field(description="What a completed run returns; texts may hold ${{ CEL }}")
    ] = None

    @cached_property
    def graph(self) -> Graph:
        return Graph.of({step.key: step.needs for step in self.steps})

    @cached_property
    def by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    @cached_property
    def can_wait(self) -> bool:
        """Whether a run of it can wait for people or for time."""
        return any(step.kind != "command" for step in self.steps)

    @cached_property
    def sees(self) -> dict[str, frozenset[str]]:
        """For each step, the keys of the steps its expressions look at."""
        return {step.key: _looks_at(step) for step in self.steps}

    def dump(self) -> str:
        """The document as JSON text, in the order it was written, without what is default."""
        value = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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
    return DocumentError([_problem(source, path, message) for path, message in found])


def restore(text: str) -> Document:
    """A document that was checked when it was saved, from `dump`; rules made since do not apply."""
    return Document.model_validate_json(text)


def checksum(document: Document) -> str:
    """The same for documents that mean the same, whatever their comments and layout."""
    return hashlib.sha256(document.dump().encode()).hexdigest()


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
        raise DocumentError([_problem(source, (), "a workflow is a mapping with name, slug and steps")])
    try:
        document = Document.model_validate(source.value)
    except ValidationError as error:
        raise DocumentError([_schema_problem(source, item) for item in error.errors()]) from None
    problems = [
        *_slug_problems(source, document),
        *_key_problems(source, document),
        *_kind_problems(source, document),
        *_input_problems(source, document),
    ]
    if not problems:
        problems = list(_expression_problems(source, document))
    if problems:
        raise DocumentError(problems)
    return document


def _problem(source: Marked, path: Path, message: str, *, of_key: bool = False) -> DocumentProblem:
    line, column = source.place(path, of_key=of_key) or (None, None)
    return DocumentProblem(inputs.dotted(path), message, line, column)


def _schema_problem(source: Marked, item: Any) -> DocumentProblem:
    path: Path = tuple(item["loc"])
    match item["type"]:
        case "missing":
            return _problem(source, path, "this field is required")
        case "extra_forbidden":
            known = _fields_at(path[:-1])
            close = get_close_matches(str(path[-1]), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known fields: {', '.join(known)}"
            return _problem(source, path, f"unknown field {path[-1]!r}; {hint}", of_key=True)
        case "string_pattern_mismatch" if item["ctx"]["pattern"] == KEY_PATTERN:
            return _problem(
                source, path, "a key is lower-case letters, digits and _, and starts with a letter"
            )
        case "string_pattern_mismatch":
            return _problem(source, path, "a slug is lower-case words joined by -, such as bug-lifecycle")
        case "string_type":
            return _problem(source, path, "must be text; put it in quotes")
        case _:
            message = str(item["msg"]).replace("Input should be", "must be")
            return _problem(source, path, message[:1].lower() + message[1:])


def _fields_at(path: Path) -> list[str]:
    part: type[BaseModel] = Document
    if path[:1] == ("steps",):
        part = PARTS.get(str(path[2]), Step) if len(path) > 2 else Step
    return [field.alias or name for name, field in part.model_fields.items()]


def _slug_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    if document.slug in RESERVED_SLUGS:
        yield _problem(source, ("slug",), f"{document.slug!r} is taken by the product: use another slug")


def _key_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    """Keys that are there twice or that CEL could not name, needs that lead nowhere or round."""
    needs: dict[str, list[str]] = {}
    place: dict[str, int] = {}
    for index, step in enumerate(document.steps):
        if step.key in needs:
            yield _problem(source, ("steps", index, "key"), f"there are two steps {step.key!r}")
        if step.key in expressions.RESERVED:
            yield _problem(source, ("steps", index, "key"), f"{step.key!r} is a word of CEL: use another key")
        needs.setdefault(step.key, step.needs)
        place.setdefault(step.key, index)
    unknown = unknown_needs(needs)
    if not unknown:
        try:
            Graph.of(needs)
        except GraphError as error:
            unknown = [error]
    for problem in unknown:
        at = needs[problem.key].index(problem.need)
        yield _problem(source, ("steps", place[problem.key], "needs", at), str(problem))


def _kind_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    """Steps of no kind or of two, and fields that mean nothing to a step of theirs."""
    for index, step in enumerate(document.steps):
        here: Path = ("steps", index)
        kinds = [kind for kind in KINDS if getattr(step, kind) is not None]
        if not kinds:
            said = "this field is required: a step has a command, an approval or a wait"
            yield _problem(source, (*here, "command"), said)
        for extra in kinds[1:]:
            said = (
                f"a step is one thing: keep {kinds[0]!r} or {extra!r}, and make the other a step of its own"
            )
            yield _problem(source, (*here, extra), said, of_key=True)
        if kinds and step.command is None:
            for name in sorted(step.model_fields_set & ONLY_COMMANDS):
                field = Step.model_fields[name].alias or name
                said = f"{field!r} belongs to a step with a command, not to one with {kinds[0]!r}: remove it"
                yield _problem(source, (*here, field), said, of_key=True)
        if step.wait is not None and (step.wait.seconds is None) == (step.wait.until is None):
            yield _problem(source, (*here, "wait"), "say either how many seconds, or until when")
        if step.approval is not None:
            at = (*here, "approval")
            for problem in inputs.schema_problems(step.approval.fields):
                yield _problem(source, (*at, "fields", *problem.path), problem.message)
            if "on_expiry" in step.approval.model_fields_set and step.approval.expires_seconds is None:
                said = "it never expires: say expires_seconds too"
                yield _problem(source, (*at, "on_expiry"), said, of_key=True)


def _input_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    for problem in inputs.schema_problems(document.input):
        yield _problem(source, ("input", *problem.path), problem.message)


def _expression_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    for index, step in enumerate(document.steps):
        here: Path = ("steps", index)
        for path, text in expressions.templates(_templated(step)):
            yield from _one_expression(source, document, step.key, (*here, *path), text)
        if step.when is not None:
            yield from _one_expression(source, document, step.key, (*here, "when"), step.when, condition=True)
    for path, text in expressions.templates(document.output or {}):
        yield from _one_expression(source, document, None, ("output", *path), text)


def _one_expression(
    source: Marked, document: Document, key: str | None, path: Path, text: str, *, condition: bool = False
) -> Iterator[DocumentProblem]:
    """Whether a text compiles and looks only at steps that are over by then."""
    try:
        seen = expressions.condition(text).steps if condition else expressions.references(text)
    except ExpressionError as error:
        yield _problem(source, path, str(error))
        return
    for other in sorted(seen):
        if other not in document.by_key:
            close = get_close_matches(other, document.by_key, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield _problem(source, path, f"there is no step {other!r}{hint}")
        elif key is not None and not document.graph.has_before(key, other):
            fix = f"add {other!r} to the needs of {key!r}" if key != other else "a step cannot see itself"
            yield _problem(source, path, f"step {other!r} may not be over before {key!r}: {fix}")


def _looks_at(step: Step) -> frozenset[str]:
    seen = expressions.references(_templated(step))
    return seen | expressions.condition(step.when).steps if step.when is not None else seen


def _templated(step: Step) -> dict[str, Any]:
    """The parts of a step whose texts may hold expressions."""
    parts: dict[str, Any] = {"with": step.with_}
    if step.approval is not None:
        parts["approval"] = {"title": step.approval.title, "details": step.approval.details}
    if step.wait is not None:
        parts["wait"] = {"until": step.wait.until}
    return parts
