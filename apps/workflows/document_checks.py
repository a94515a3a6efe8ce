"""What is wrong with a workflow document, by line, path and fix, beyond what its fields may hold.
Plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, get_args

from pydantic import BaseModel

from apps.workflows import expressions, inputs
from apps.workflows.document_parts import (
    BODIES,
    KEY_PATTERN,
    RESERVED_SLUGS,
    TAGS,
    WAITS,
    Document,
    Escalate,
    Notify,
    Step,
    templated,
    templated_once,
)
from apps.workflows.expressions import ExpressionError
from apps.workflows.graph import Graph, GraphError, unknown_needs
from apps.workflows.marked import Marked, Path

MAX_PROBLEMS = 100  # told at once: naming each of 50,000 took a minute (measured 2026-11)
BELONGS = {
    "agent": ("command",),
    "with_": ("command", "workflow"),
    "retry": ("command", "http", "workflow"),
    "timeout_seconds": ("command", "http", "workflow"),
    "queue_timeout_seconds": ("command", "http", "workflow"),
}
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
OWN_HEADERS = ("connection", "content-length", "host", "idempotency-key", "transfer-encoding")
EMAIL = re.compile(r"[^@\s${}]+@[^@\s${}]+")
URL = re.compile(r"https?://[^\s]+", re.IGNORECASE)


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


def problems(source: Marked, document: Document) -> list[DocumentProblem]:
    """Everything that is wrong with a document whose fields are right."""
    found = list(
        islice(
            chain(
                _slug_problems(source, document),
                _key_problems(source, document),
                _body_problems(source, document),
                _input_problems(source, document),
            ),
            MAX_PROBLEMS,
        )
    )
    found = found or list(islice(_go_to_problems(source, document), MAX_PROBLEMS))
    return found or list(islice(_expression_problems(source, document), MAX_PROBLEMS))


def problem(source: Marked, path: Path, message: str, *, of_key: bool = False) -> DocumentProblem:
    line, column = source.place(path, of_key=of_key) or (None, None)
    return DocumentProblem(inputs.dotted(path), message, line, column)


def of_schema(source: Marked, item: Any) -> DocumentProblem:
    """The problem for one of pydantic's errors."""
    path: Path = tuple(part for part in item["loc"] if part not in TAGS)
    match item["type"]:
        case "missing":
            return problem(source, path, "this field is required")
        case "extra_forbidden":
            known = _fields_at(path[:-1])
            close = get_close_matches(str(path[-1]), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known fields: {', '.join(known)}"
            return problem(source, path, f"unknown field {path[-1]!r}; {hint}", of_key=True)
        case "string_pattern_mismatch" if item["ctx"]["pattern"] == KEY_PATTERN:
            said = "a key is lower-case letters, digits and _, and starts with a letter"
            return problem(source, path, said)
        case "string_pattern_mismatch":
            return problem(source, path, "a slug is lower-case words joined by -, such as bug-lifecycle")
        case "literal_error" if path[-1] == "on_failure":
            said = "must be 'fail' or 'continue', or a mapping such as {go_to: key}"
            return problem(source, path, said)
        case "string_type" if path[-1] == "over":
            return problem(source, path, "must be a list, or text with one ${{ expression }} that gives one")
        case "string_type":
            return problem(source, path, "must be text; put it in quotes")
        case _:
            message = str(item["msg"]).replace("Input should be", "must be")
            return problem(source, path, message[:1].lower() + message[1:])


def _fields_at(path: Path) -> list[str]:
    """The names of the fields that may stand at a path."""
    part: type[BaseModel] = Document
    for name in path:
        fields = {field.alias or own: field for own, field in part.model_fields.items()}
        if isinstance(name, str) and name in fields:
            part = next(_models(fields[name].annotation), part)
    return [field.alias or name for name, field in part.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _slug_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    if document.slug in RESERVED_SLUGS:
        yield problem(source, ("slug",), f"{document.slug!r} is taken by the product: use another slug")


def _key_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    """Keys that are there twice or that CEL could not name, needs that lead nowhere or round."""
    needs: dict[str, list[str]] = {}
    place: dict[str, int] = {}
    for index, step in enumerate(document.steps):
        if step.key in needs:
            yield problem(source, ("steps", index, "key"), f"there are two steps {step.key!r}")
        if step.key in expressions.RESERVED:
            yield problem(source, ("steps", index, "key"), f"{step.key!r} is a word of CEL: use another key")
        needs.setdefault(step.key, step.needs)
        place.setdefault(step.key, index)
    unknown = unknown_needs(needs)
    if not unknown:
        try:
            Graph.of(needs)
        except GraphError as error:
            unknown = [error]
    for one in unknown:
        at = needs[one.key].index(one.need)
        yield problem(source, ("steps", place[one.key], "needs", at), str(one))


def _body_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    """Steps with no body or two, and fields that mean nothing to a step of theirs."""
    for index, step in enumerate(document.steps):
        here: Path = ("steps", index)
        bodies = [body for body in BODIES if getattr(step, body) is not None]
        if not bodies:
            said = f"this field is required: a step has one of {', '.join(BODIES)}"
            yield problem(source, (*here, "command"), said)
        for extra in bodies[1:]:
            said = (
                f"a step is one thing: keep {bodies[0]!r} or {extra!r}, and make the other a step of its own"
            )
            yield problem(source, (*here, extra), said, of_key=True)
        if bodies:
            yield from _strange_fields(source, here, step, bodies[0])
        if step.workflow == document.slug:
            said = "a workflow cannot be a step of itself: name another, or use on_failure: {go_to: …}"
            yield problem(source, (*here, "workflow"), said)
        if step.wait is not None and (step.wait.seconds is None) == (step.wait.until is None):
            yield problem(source, (*here, "wait"), "say either how many seconds, or until when")
        yield from _approval_problems(source, here, step)
        yield from _http_problems(source, here, step)


def _strange_fields(source: Marked, here: Path, step: Step, body: str) -> Iterator[DocumentProblem]:
    for name in sorted(step.model_fields_set & set(BELONGS)):
        if body not in BELONGS[name]:
            field = Step.model_fields[name].alias or name
            owners = " or ".join(BELONGS[name])
            said = f"{field!r} belongs to a step with {owners}, not to one with {body!r}: remove it"
            yield problem(source, (*here, field), said, of_key=True)
    if step.map is None:
        return
    if body in WAITS:
        said = f"an {body} cannot be done for each item" if body == "approval" else "a wait is no map"
        yield problem(
            source, (*here, "map"), f"{said}: put a step with it before or behind the map", of_key=True
        )
    if isinstance(step.map.over, str) and not expressions.is_one(step.map.over):
        said = "must be a list, or text with one ${{ expression }} that gives one, and nothing around it"
        yield problem(source, (*here, "map", "over"), said)


def _approval_problems(source: Marked, here: Path, step: Step) -> Iterator[DocumentProblem]:
    asked = step.approval
    if asked is None:
        return
    at = (*here, "approval")
    for one in inputs.schema_problems(asked.fields):
        yield problem(source, (*at, "fields", *one.path), one.message)
    if "on_expiry" in asked.model_fields_set and asked.expires_seconds is None:
        yield problem(source, (*at, "on_expiry"), "it never expires: say expires_seconds too", of_key=True)
    if asked.on_expiry == "escalate" and asked.escalate is None:
        said = "say to whom: escalate: {emails: […], expires_seconds: 3600, then: reject}"
        yield problem(source, (*at, "on_expiry"), said)
    if asked.escalate is not None and asked.on_expiry != "escalate":
        yield problem(source, (*at, "escalate"), "it happens only with on_expiry: escalate", of_key=True)
    for name, told in (("notify", asked.notify), ("escalate", asked.escalate)):
        if told is not None:
            yield from _address_problems(source, (*at, name), told)


def _address_problems(source: Marked, here: Path, told: Notify | Escalate) -> Iterator[DocumentProblem]:
    if not told.emails and not told.webhooks:
        yield problem(source, here, "name at least one of emails and webhooks")
    for at, address in enumerate(told.emails):
        if not EMAIL.fullmatch(address):
            yield problem(source, (*here, "emails", at), "must be an e-mail address")
    for at, address in enumerate(told.webhooks):
        if not URL.fullmatch(address):
            yield problem(
                source, (*here, "webhooks", at), "must be a URL that begins with https:// or http://"
            )


def _http_problems(source: Marked, here: Path, step: Step) -> Iterator[DocumentProblem]:
    request = step.http
    if request is None:
        return
    at = (*here, "http")
    if not request.url.startswith("${{") and not URL.match(request.url):
        yield problem(source, (*at, "url"), "must begin with https:// or http://")
    if request.body is not None and request.method in ("GET", "HEAD"):
        yield problem(source, (*at, "body"), f"{request.method} sends no body: use POST", of_key=True)
    for name in request.headers:
        if not HEADER.fullmatch(name):
            yield problem(source, (*at, "headers", name), "this is not the name of a header", of_key=True)
        elif name.lower() in OWN_HEADERS:
            yield problem(
                source, (*at, "headers", name), f"{name} is set by the product: remove it", of_key=True
            )


def _input_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    for one in inputs.schema_problems(document.input):
        yield problem(source, ("input", *one.path), one.message)


def _go_to_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    """Steps that go where no step is, or where going makes a circle of handlers."""
    for index, step in enumerate(document.steps):
        if step.goes_to is None:
            continue
        here: Path = ("steps", index, "on_failure")
        target = step.goes_to.go_to
        if target not in document.by_key:
            close = get_close_matches(target, document.by_key, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield problem(source, (*here, "go_to"), f"there is no step {target!r}{hint}")
        elif document.goes_back(step) is None and "times" in step.goes_to.model_fields_set:
            said = f"{target!r} is not before {step.key!r} and handles its failure once: remove it"
            yield problem(source, (*here, "times"), said, of_key=True)
    try:
        document.graph  # noqa: B018  (it is built here or refused)
    except GraphError as error:
        place = next(i for i, step in enumerate(document.steps) if step.goes_to and step.key == error.need)
        said = f"{error}; a step waits for those whose failure it handles"
        yield problem(source, ("steps", place, "on_failure"), said)


def _expression_problems(source: Marked, document: Document) -> Iterator[DocumentProblem]:
    for index, step in enumerate(document.steps):
        here: Path = ("steps", index)
        for path, text in expressions.templates(templated_once(step)):
            yield from _one_expression(source, document, step, (*here, *path), text)
        for path, text in expressions.templates(templated(step)):
            with_item = step.map is not None
            yield from _one_expression(source, document, step, (*here, *path), text, with_item=with_item)
        if step.when is not None:
            yield from _one_expression(source, document, step, (*here, "when"), step.when, condition=True)
    for path, text in expressions.templates(document.output or {}):
        yield from _one_expression(source, document, None, ("output", *path), text)
    if document.concurrency is not None:
        for _, text in expressions.templates(document.concurrency.key):
            here = ("concurrency", "key")
            found = list(_one_expression(source, document, None, here, text))
            if not found and expressions.references(text):
                found = [problem(source, here, "no step has run by then: use input and run")]
            yield from found


def _one_expression(
    source: Marked,
    document: Document,
    step: Step | None,
    path: Path,
    text: str,
    *,
    condition: bool = False,
    with_item: bool = False,
) -> Iterator[DocumentProblem]:
    """Whether a text compiles and looks only at what there is by then."""
    try:
        used = [expressions.condition(text)] if condition else expressions.within(text)
    except ExpressionError as error:
        yield problem(source, path, str(error))
        return
    if not with_item and any(one.uses_item for one in used):
        said = "item and item_index are known in the body of a step with map only"
        if step is not None and step.map is not None:
            said += ": `when` and `over` are judged once, before there are items"
        yield problem(source, path, said)
    for other in sorted(frozenset[str]().union(*(one.steps for one in used))):
        if other not in document.by_key:
            close = get_close_matches(other, document.by_key, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield problem(source, path, f"there is no step {other!r}{hint}")
        elif (
            step is not None
            and not document.graph.has_before(step.key, other)
            and not document.hears_of(step.key, other)
        ):
            key = step.key
            fix = f"add {other!r} to the needs of {key!r}" if key != other else "a step cannot see itself"
            yield problem(source, path, f"step {other!r} may not be over before {key!r}: {fix}")
