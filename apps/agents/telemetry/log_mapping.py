"""Log records of Claude Code and Codex as facts, in the shape of spans: prompts, calls of models, tools.

Their ids are made of what the record says, so that the same record is the same span each time. Other
programs' records are passed over. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from apps.agents.telemetry import facts as f
from apps.agents.telemetry.facts import AgentFacts, SpanFacts
from apps.agents.telemetry.mapping import LINKS, SENDER, Sender, links_of
from apps.agents.telemetry.prices import cost_of
from apps.agents.telemetry.titles import title_from
from apps.agents.telemetry.values import (
    Values,
    as_content,
    as_text,
    as_usd,
    as_uuid,
    as_whole,
    attributes,
    clean,
    first,
    first_text,
    first_whole,
    hex_id,
    moment,
)

CLAUDE, CODEX = "claude_code.", "codex."
TRACE_COPY = "codex_otel.trace_safe"  # Codex says some things twice; this copy lacks what was said
LONGEST_CONVERSATION = timedelta(days=7)
LONGEST_MS = 7 * 24 * 3600 * 1000
HIDDEN = frozenset({"<REDACTED>", "[REDACTED]"})
REJECTED = "rejected"

SESSION = ("session.id", "conversation.id")
CALL = ("tool_use_id", "call_id")
ARGUMENTS = ("tool_input", "tool_parameters", "arguments")
OUTPUT = ("output",)
ERROR = ("error", "error.message")
INPUT_TOKENS = ("input_tokens", "input_token_count")
OUTPUT_TOKENS = ("output_tokens", "output_token_count")
CACHE_READ = ("cache_read_tokens", "cached_token_count")
CACHE_WRITE = ("cache_creation_tokens", "cache_write_token_count")
REASONING = ("reasoning_token_count",)
REQUEST = ("request_id", "client_request_id", "event.sequence")
WANTED = frozenset(
    (
        *SESSION, *CALL, *ARGUMENTS, *OUTPUT, *ERROR, *INPUT_TOKENS, *OUTPUT_TOKENS, *CACHE_READ,
        *CACHE_WRITE, *REASONING, *REQUEST, "event.name", "event.kind", "event.timestamp", "prompt.id",
        "prompt", "prompt_length", "command_name", "model", "cost_usd", "cost_usd_micros", "duration_ms",
        "status_code", "http.response.status_code", "error_type", "tool_name", "success", "decision",
        "source", "app.version", "target", *LINKS, *SENDER,
    )
)  # fmt: skip


def spans_of_logs(request: ExportLogsServiceRequest) -> list[SpanFacts]:
    """The facts that the records tell of, in the order of the export."""
    found = []
    for resource_logs in request.resource_logs:
        sender = Sender(attributes(resource_logs.resource.attributes, WANTED))
        agents: dict[str, AgentFacts] = {}
        for scope_logs in resource_logs.scope_logs:
            scope = scope_logs.scope.name
            for record in scope_logs.log_records:
                event = _event(record, scope, sender, agents)
                told_by = EVENTS.get(event.name) if event is not None else None
                if event is not None and told_by is not None and (facts := told_by(event)) is not None:
                    found.append(facts)
    return found


@dataclass(frozen=True, slots=True)
class _Event:
    """One record of a program we know. `name` is whole, as in `codex.user_prompt`."""

    name: str
    values: Values
    at: datetime
    stamp: str
    session: str
    prompt: str
    trace_id: str
    above: str  # the sender's own span that it was said in, if it has spans
    sender: Sender
    agent: AgentFacts

    @property
    def root(self) -> str:
        """The activity it belongs to; none if the record names neither prompt nor conversation."""
        if self.name.startswith(CLAUDE):
            return _span_id(self.session, self.prompt) if self.prompt else self.above
        return _span_id(self.session) if self.session else ""

    def unique(self) -> tuple[str, ...]:
        """What no other record has in common with this one."""
        said = [as_text(self.values.get(key)) for key in REQUEST]
        return (self.name, self.session, self.prompt, self.stamp, *said)

    def facts(self, span_id: str, kind: str, status: str) -> SpanFacts:
        """What all facts of records have in common; begun `duration_ms` earlier if it is over."""
        began = self.at if status == f.OPEN else self.at - _took(self.values.get("duration_ms"))
        links = self.sender.links if self.sender.links[0] else links_of(self.values)
        return SpanFacts(
            trace_id=self.trace_id,
            span_id=span_id,
            parent_span_id=self.root if span_id != self.root else self.above,
            name=self.name.rpartition(".")[2],
            kind=kind,
            source=f.LOG,
            status=status,
            started_at=began,
            ended_at=None if status == f.OPEN else self.at,
            agent=self.agent,
            session=self.session,
            run_id=links[0],
            step_id=links[1],
            command_run_id=links[2],
            attributes=self.values,
            resource=self.sender.resource,
        )


def _event(record: LogRecord, scope: str, sender: Sender, agents: dict[str, AgentFacts]) -> _Event | None:
    values = attributes(record.attributes, WANTED)
    name = _name(record, values, scope, sender.service)
    if name not in EVENTS or TRACE_COPY in (scope, values.get("target")):
        return None
    program = name.partition(".")[0]
    if program not in agents:
        agents[program] = _agent(name, values, sender)
    session = first_text(values, SESSION, 200)
    prompt = first_text(values, ("prompt.id",), 200) if name.startswith(CLAUDE) else ""
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    trace_id, above = hex_id(record.trace_id, 16), hex_id(record.span_id, 8)
    if not (trace_id and above and name.startswith(CLAUDE)):  # Codex's own spans are of its inner parts
        trace_id, above = _digest(16, program, session, prompt, "" if session else str(nanoseconds)), ""
    return _Event(
        name=name,
        values=values,
        at=moment(nanoseconds),
        stamp=f"{nanoseconds} {as_text(values.get('event.timestamp'))}",
        session=session,
        prompt=prompt,
        trace_id=trace_id,
        above=above,
        sender=sender,
        agent=agents[program],
    )


def _name(record: LogRecord, values: Values, scope: str, service: str) -> str:
    """The event's whole name, from wherever this version of the program writes it."""
    said = (record.event_name, as_text(values.get("event.name")), record.body.string_value[:100])
    for name in said:
        if name.startswith((CLAUDE, CODEX)):
            return name
    is_claude = "claude_code" in scope or service == "claude-code"
    return CLAUDE + said[1] if is_claude and said[1] else ""


def _agent(name: str, values: Values, sender: Sender) -> AgentFacts:
    program = "claude-code" if name.startswith(CLAUDE) else "codex"
    known = sender.agent({}, "", program) or AgentFacts(program, program, framework=program)
    version = known.version or first_text(values, ("app.version",), 100)
    return replace(known, version=version, named=True)


def _took(milliseconds: Any) -> timedelta:
    try:
        number = float(as_text(milliseconds) or 0)
    except ValueError:
        number = 0
    return timedelta(milliseconds=number) if 0 <= number <= LONGEST_MS else timedelta()


def _digest(size: int, *parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=size).hexdigest()


def _span_id(*parts: str) -> str:
    return _digest(8, *parts)


def _prompt(event: _Event) -> SpanFacts | None:
    """An activity begins. Nothing in the logs says when it ends."""
    if not event.root or event.root == event.above:
        return None
    asked = as_text(event.values.get("prompt"))
    title = title_from(asked) if asked not in HIDDEN else ""
    if not title and (command := first_text(event.values, ("command_name",), 100)):
        title = f"/{command.removeprefix('/')}"
    if not title and (length := as_whole(event.values.get("prompt_length"))):
        title = f"Prompt of {length} characters"
    call_id = event.prompt or event.session
    began = event.at if event.prompt else _conversation_began(event)
    facts = event.facts(event.root, f.AGENT, f.OPEN)
    # By it the newest prompt of a conversation is known.
    said = event.values | {"event.timestamp": event.at.isoformat()}
    return replace(facts, title=title or "Prompt", call_id=call_id, started_at=began, attributes=said)


def _conversation_began(event: _Event) -> datetime:
    """When Codex' conversation began, which its id (a UUID of version 7) tells: each prompt then says
    the same of it, in whichever order they come. Otherwise, or if that is long ago, now."""
    conversation = as_uuid(event.session)
    if conversation is None or conversation.version != 7:
        return event.at
    began = moment((conversation.int >> 80) * 1_000_000)
    return began if timedelta() <= event.at - began <= LONGEST_CONVERSATION else event.at


def _request(event: _Event) -> SpanFacts | None:
    """A call of the model that came back."""
    values = event.values
    model = first_text(values, ("model",), 200)
    tokens = (
        first_whole(values, INPUT_TOKENS),
        first_whole(values, OUTPUT_TOKENS),
        first_whole(values, CACHE_READ),
        first_whole(values, CACHE_WRITE),
    )
    cost, cost_source = as_usd(values.get("cost_usd")), f.REPORTED
    if cost is None and (micros := as_whole(values.get("cost_usd_micros"))) is not None:
        cost = as_usd(micros / 1_000_000)
    if cost is None:
        cost, cost_source = cost_of(model, *tokens, event.at), f.COMPUTED
    is_claude = event.name.startswith(CLAUDE)
    said = event.unique() if is_claude else (*event.unique(), *map(str, tokens))
    return replace(
        event.facts(_span_id(*said), f.LLM, f.OK),
        provider="anthropic" if is_claude else "openai",
        model=model,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cache_read_tokens=tokens[2],
        cache_write_tokens=tokens[3],
        reasoning_tokens=first_whole(values, REASONING),
        cost_usd=cost,
        cost_source=cost_source if cost is not None else f.UNKNOWN,
    )


def _failed_request(event: _Event) -> SpanFacts:
    values = event.values
    return replace(
        event.facts(_span_id(*event.unique()), f.LLM, f.ERROR),
        provider="anthropic" if event.name.startswith(CLAUDE) else "openai",
        model=first_text(values, ("model",), 200),
        error_type=first_text(values, ("status_code", "http.response.status_code"), 200) or "error",
        error=clean(first_text(values, ERROR, 500), 500),
    )


def _codex_request(event: _Event) -> SpanFacts | None:
    """Of a request we keep the failure; what a good one used is said by its last stream event."""
    status = as_whole(event.values.get("http.response.status_code"))
    is_failed = first(event.values, ERROR) is not None or (status is not None and status >= 400)
    return _failed_request(event) if is_failed else None


def _codex_stream(event: _Event) -> SpanFacts | None:
    if first(event.values, ERROR) is not None:
        return _failed_request(event)
    is_last = event.values.get("event.kind") == "response.completed"
    return _request(event) if is_last and first_whole(event.values, INPUT_TOKENS) is not None else None


def _tool_decision(event: _Event) -> SpanFacts | None:
    """Somebody let a tool run, or did not: nothing waits for them any more."""
    call_id = first_text(event.values, CALL, 200)
    if not call_id:
        return None
    decision = as_text(event.values.get("decision")).lower()
    if decision.startswith(("accept", "approve")):
        return _tool(event, call_id, f.OPEN)
    source = first_text(event.values, ("source",), 100)
    told = f"{REJECTED} ({source})" if source else REJECTED
    return replace(_tool(event, call_id, f.ERROR), error_type=REJECTED, error=told)


def _tool_result(event: _Event) -> SpanFacts:
    call_id = first_text(event.values, CALL, 200)
    is_failed = str(event.values.get("success")).lower() == "false"
    facts = _tool(event, call_id, f.ERROR if is_failed else f.OK)
    if not is_failed:
        return facts
    message = first_text(event.values, ERROR, 500) or facts.output[:500]
    error_type = first_text(event.values, ("error_type",), 200) or "tool_failed"
    return replace(facts, error_type=error_type, error=message)


def _tool(event: _Event, call_id: str, status: str) -> SpanFacts:
    span_id = _span_id(event.session, "tool", call_id) if call_id else _span_id(*event.unique())
    given, gave = first(event.values, ARGUMENTS), first(event.values, OUTPUT)
    for key in (*ARGUMENTS, *OUTPUT):
        event.values.pop(key, None)
    return replace(
        event.facts(span_id, f.TOOL, status),
        name=f"tool {first_text(event.values, ('tool_name',), 100)}".strip(),
        tool=first_text(event.values, ("tool_name",), 200),
        call_id=call_id or span_id,
        input=as_content(given),
        output=as_content(gave),
    )


EVENTS: dict[str, Callable[[_Event], SpanFacts | None]] = {
    "claude_code.user_prompt": _prompt,
    "claude_code.api_request": _request,
    "claude_code.api_error": _failed_request,
    "claude_code.tool_decision": _tool_decision,
    "claude_code.tool_result": _tool_result,
    "codex.user_prompt": _prompt,
    "codex.api_request": _codex_request,
    "codex.sse_event": _codex_stream,
    "codex.tool_decision": _tool_decision,
    "codex.tool_result": _tool_result,
}
