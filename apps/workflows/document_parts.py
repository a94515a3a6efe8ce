"""The parts of a workflow document and what each of them may say. Plain Python.

Fields are read strictly; their descriptions are those of the published JSON Schema.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from apps.workflows import expressions
from apps.workflows.graph import Graph

MAX_STEPS = 1_000
MAX_ITEMS = 10_000
KEY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
RESERVED_SLUGS = ("new", "schema", "validation")  # pages and endpoints beside those of workflows
TAGS = ("a word", "a text", "a list", "a mapping")  # pydantic's, in paths; no field is called so

Key = Annotated[str, Field(pattern=KEY_PATTERN)]
Slug = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Seconds = Annotated[float, Field(gt=0, le=2_592_000)]
Code = Annotated[str, Field(min_length=1, max_length=50)]
Addresses = Annotated[list[Annotated[str, Field(min_length=3, max_length=2000)]], Field(max_length=50)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["command", "approval", "wait", "http", "workflow", "map"]

BODIES = ("command", "approval", "wait", "http", "workflow")
WAITS = ("approval", "wait")


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Retry(Part):
    """How often and how soon a failed attempt is repeated; pauses double."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    backoff_seconds: Annotated[float, Field(ge=0, le=3600)] = 2
    max_backoff_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60
    jitter: Annotated[float, Field(ge=0, le=1, description="The random part of a pause; 0: none")] = 0.5
    on: Annotated[
        list[Code] | None,
        Field(min_length=1, max_length=50, description="Error codes; without it all that may pass"),
    ] = None


class GoTo(Part):
    """Where the run goes on when the step fails: back to a step before it, or to one that handles it."""

    go_to: Annotated[Key, Field(description="The key of a step")]
    times: Annotated[int, Field(ge=1, le=100, description="How often it may go back")] = 1


OnFailure = Annotated[
    Annotated[Literal["fail", "continue"], Tag("a word")] | Annotated[GoTo, Tag("a mapping")],
    Discriminator(lambda value: "a word" if isinstance(value, str) else "a mapping"),
]
Over = Annotated[
    Annotated[str, Tag("a text")] | Annotated[list[Any], Field(max_length=MAX_ITEMS), Tag("a list")],
    Discriminator(lambda value: "a list" if isinstance(value, list) else "a text"),
]


class Map(Part):
    """The step's body is done once for each item of a list."""

    over: Annotated[Over, Field(description="A list, or one ${{ CEL }} that gives a list")]
    limit: Annotated[int, Field(ge=1, le=1_000, description="So many items are at work at once")] = 20
    on_item_failure: Annotated[
        Literal["fail", "continue"],
        Field(description="fail: the first item that fails stops the others, and the step fails"),
    ] = "fail"


class Notify(Part):
    """Who outside is told of a question."""

    emails: Addresses = []
    webhooks: Annotated[Addresses, Field(description="URLs")] = []


class Escalate(Notify):
    """Who is told when nobody decided in time, and what becomes of it when they do not either."""

    expires_seconds: Annotated[Seconds, Field(description="How long these have, after the others")]
    then: Literal["reject", "approve"] = "reject"


class Approval(Part):
    """A question to people; while it is open the step holds no worker and no slot."""

    title: Annotated[str, Field(min_length=1, max_length=300, description="May hold ${{ CEL }}")]
    details: Annotated[str, Field(max_length=10_000, description="May hold ${{ CEL }}")] = ""
    fields: Annotated[
        dict[str, Any], Field(description="JSON Schema of a form; its values become output.fields")
    ] = {}
    min_approvals: Annotated[int, Field(ge=1, le=50, description="How many people must agree")] = 1
    allow_requester: Annotated[bool, Field(description="false: whoever started the run cannot decide")] = True
    notify: Notify | None = None
    expires_seconds: Annotated[
        Seconds | None, Field(description="Without it the question stays open until somebody decides")
    ] = None
    on_expiry: Literal["reject", "approve", "escalate"] = "reject"
    escalate: Escalate | None = None


class Wait(Part):
    """A pause of some seconds, or until a moment."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["seconds"]}, {"required": ["until"]}]}
    )

    seconds: Seconds | None = None
    until: Annotated[
        str | None, Field(min_length=1, description="RFC 3339 with an offset; may hold ${{ CEL }}")
    ] = None


class Http(Part):
    """A request to somebody outside. It carries an Idempotency-Key that is the same in every attempt."""

    method: Method = "GET"
    url: Annotated[str, Field(min_length=1, max_length=2000, description="May hold ${{ CEL }}")]
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=4000)]],
        Field(max_length=50, description="Values may hold ${{ CEL }}"),
    ] = {}
    body: Annotated[
        Any, Field(description="Text is sent as it is, anything else as JSON; may hold ${{ CEL }}")
    ] = None
    accept: Annotated[
        list[Annotated[int, Field(ge=100, le=599)]],
        Field(max_length=50, description="Status codes that are no failure; without it all of 200 to 299"),
    ] = []


class Step(Part):
    """One node: what is done, for one or for each of a list, and what follows when it fails."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [body]} for body in BODIES],
            "not": {"required": ["map"], "anyOf": [{"required": [body]} for body in WAITS]},
        }
    )

    key: Key
    name: Annotated[str, Field(max_length=200)] = ""
    command: Annotated[str | None, Field(min_length=1, max_length=100, description="A catalogue entry")] = (
        None
    )
    approval: Approval | None = None
    wait: Wait | None = None
    http: Http | None = None
    workflow: Annotated[
        Slug | None, Field(description="The slug of a workflow; its current version is run")
    ] = None
    map: Map | None = None
    agent: Annotated[
        str | None,
        Field(max_length=100, description="The slug of one agent; without it any agent that can do it"),
    ] = None
    needs: Annotated[list[str], Field(description="Keys of the steps that must be over before")] = []
    with_: Annotated[
        dict[str, Any],
        Field(alias="with", description="The input of the command or workflow; texts may hold ${{ CEL }}"),
    ] = {}
    when: Annotated[
        str | None, Field(min_length=1, description="CEL; the step is skipped unless it is true")
    ] = None
    retry: Retry | None = None
    timeout_seconds: Annotated[Seconds | None, Field(description="Of one attempt")] = None
    queue_timeout_seconds: Annotated[
        Seconds, Field(description="Of waiting for somebody to take it, or for its run to begin")
    ] = 3600
    on_failure: OnFailure = "fail"

    @property
    def body(self) -> Kind:
        """What it does, for each item if it is a map."""
        if self.approval is not None:
            return "approval"
        if self.wait is not None:
            return "wait"
        if self.http is not None:
            return "http"
        return "workflow" if self.workflow is not None else "command"

    @property
    def kind(self) -> Kind:
        return self.body if self.map is None else "map"

    @property
    def title(self) -> str:
        return self.name or self.key.replace("_", " ").capitalize()

    @property
    def goes_to(self) -> GoTo | None:
        return self.on_failure if isinstance(self.on_failure, GoTo) else None


class Concurrency(Part):
    """How many runs of the workflow, or of each key, are open at once, and what becomes of one more."""

    limit: Annotated[int, Field(ge=1, le=1_000)]
    key: Annotated[
        str, Field(max_length=1_000, description="Runs with one key share the limit; may hold ${{ CEL }}")
    ] = ""
    then: Annotated[
        Literal["queue", "reject", "cancel_running"],
        Field(description="queue: it waits its turn; cancel_running: the oldest makes room"),
    ] = "queue"


class Document(Part):
    """A whole workflow definition."""

    name: Name
    slug: Slug
    description: Annotated[str, Field(max_length=500)] = ""
    input: Annotated[dict[str, Any], Field(description="JSON Schema of the object a run is given")] = {}
    timeout_seconds: Annotated[
        Seconds | None, Field(description="A run that takes longer fails; without it there is no limit")
    ] = None
    concurrency: Concurrency | None = None
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    output: Annotated[
        dict[str, Any] | None, Field(description="What a completed run returns; texts may hold ${{ CEL }}")
    ] = None

    @cached_property
    def graph(self) -> Graph:
        """Who waits for whom: a step that handles failures also waits for those it handles."""
        handled = self.handled
        return Graph.of({step.key: [*step.needs, *handled.get(step.key, ())] for step in self.steps})

    @cached_property
    def handled(self) -> dict[str, tuple[str, ...]]:
        """For each step that others go to, and that is not before them, those others."""
        written = Graph.of({step.key: step.needs for step in self.steps})
        found: dict[str, tuple[str, ...]] = {}
        for step in self.steps:
            target = step.goes_to.go_to if step.goes_to is not None else step.key
            if target in written.index and target != step.key and not written.has_before(step.key, target):
                found[target] = (*found.get(target, ()), step.key)
        return found

    @cached_property
    def by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    @cached_property
    def can_wait(self) -> bool:
        """Whether a run of it can wait for people or for time."""
        return any(step.body in (*WAITS, "workflow") for step in self.steps)

    @cached_property
    def sees(self) -> dict[str, frozenset[str]]:
        """For each step, the keys of the steps its expressions look at."""
        return {step.key: looks_at(step) for step in self.steps}

    def goes_back(self, step: Step) -> str | None:
        """The step before it, or itself, that its failure sends the run back to."""
        target = step.goes_to.go_to if step.goes_to is not None else None
        return None if target is None or step.key in self.handled.get(target, ()) else target

    def hears_of(self, key: str, other: str) -> bool:
        """Whether a step may be done again because `other` failed behind it: it sees that error."""
        back = self.goes_back(self.by_key[other])
        if back is None:
            return False
        within = key == back or self.graph.has_before(key, back)
        return within and (key == other or self.graph.has_before(other, key))

    def dump(self) -> str:
        """The document as JSON text, in the order it was written, without what is default."""
        value = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def looks_at(step: Step) -> frozenset[str]:
    seen = expressions.references({"once": templated_once(step), "each": templated(step)})
    return seen | expressions.condition(step.when).steps if step.when is not None else seen


def templated(step: Step) -> dict[str, Any]:
    """The parts of a step's body whose texts may hold expressions; a map renders them for each item."""
    parts: dict[str, Any] = {"with": step.with_}
    if step.approval is not None:
        parts["approval"] = {"title": step.approval.title, "details": step.approval.details}
    if step.wait is not None:
        parts["wait"] = {"until": step.wait.until}
    if step.http is not None:
        parts["http"] = {"url": step.http.url, "headers": step.http.headers, "body": step.http.body}
    return parts


def templated_once(step: Step) -> dict[str, Any]:
    """What a map renders before there are items."""
    return {} if step.map is None else {"map": {"over": step.map.over}}
