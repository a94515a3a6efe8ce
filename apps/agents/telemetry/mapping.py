"""Spans of OpenTelemetry as facts in our words: the table of docs/agents.md, where the first match wins.

Old and new names of the GenAI conventions, OpenInference, OpenLLMetry and Logfire's pending spans
are understood. Pure: a span's facts follow from the span and its resource alone.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from apps.agents.telemetry import facts as f
from apps.agents.telemetry.facts import AgentFacts, SpanFacts
from apps.agents.telemetry.prices import cost_of
from apps.agents.telemetry.titles import CLAUDE_CODE, TITLE_KEYS, title_of
from apps.agents.telemetry.values import (
    Cleaned,
    Values,
    as_content,
    as_text,
    as_usd,
    as_uuid,
    attributes,
    clean,
    first,
    first_text,
    first_whole,
    hex_id,
    moment,
)

MAX_EVENTS = 64

OPENINFERENCE_KINDS = {
    "AGENT": f.AGENT, "CHAIN": f.WORKFLOW, "LLM": f.LLM, "EMBEDDING": f.LLM, "TOOL": f.TOOL,
}  # fmt: skip
OPERATIONS = {
    "chat": f.LLM, "generate_content": f.LLM, "text_completion": f.LLM, "embeddings": f.LLM,
    "execute_tool": f.TOOL, "invoke_agent": f.AGENT, "invoke_workflow": f.WORKFLOW,
    "create_agent": f.OTHER, "plan": f.OTHER, "retrieval": f.OTHER,
}  # fmt: skip
TRACELOOP_KINDS = {"workflow": f.WORKFLOW, "agent": f.AGENT, "task": f.OTHER, "tool": f.TOOL}
REQUEST_TYPES = {"chat": f.LLM, "completion": f.LLM, "embedding": f.LLM}
NAMES = {
    "invoke_agent": f.AGENT, "invoke_workflow": f.WORKFLOW, "execute_tool": f.TOOL, "chat": f.LLM,
    "agent run": f.AGENT, "running tool": f.TOOL, "call_llm": f.LLM,
}  # fmt: skip
KIND_RULES = (
    ("openinference.span.kind", OPENINFERENCE_KINDS),
    ("gen_ai.operation.name", OPERATIONS),
    ("traceloop.span.kind", TRACELOOP_KINDS),
    ("llm.request.type", REQUEST_TYPES),
)

AGENT_ID = "gen_ai.agent.id"
AGENT_NAME = ("gen_ai.agent.name", "agent.name")
ENTITY = "traceloop.entity.name"
DESCRIPTION = ("gen_ai.agent.description",)
VERSION = ("gen_ai.agent.version",)
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
SESSION = (
    "gen_ai.conversation.id", "session.id", "langfuse.session.id", "gcp.vertex.agent.session_id",
)  # fmt: skip
CALL_OF_AGENT = ("gen_ai.agent.call.id",)
TOOL = ("gen_ai.tool.name", "tool.name", ENTITY)
CALL_OF_TOOL = ("gen_ai.tool.call.id", "tool_call.id")
ARGUMENTS = ("gen_ai.tool.call.arguments", "tool_arguments", "input.value")
RESULT = ("gen_ai.tool.call.result", "tool_response", "output.value")
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider")
MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "input_tokens")
OUTPUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "output_tokens",
)  # fmt: skip
CACHE_READ = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)  # fmt: skip
CACHE_WRITE = (
    "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)  # fmt: skip
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)  # fmt: skip
COST, CURRENCY = "gen_ai.usage.cost.amount", "gen_ai.usage.cost.currency"
OTHER_COSTS = ("operation.cost", "llm.cost.total", "gen_ai.usage.cost")
LINKS = ("mc.run_id", "mc.step_id", "mc.command_run_id")
ERROR_TYPE = ("error.type",)
SENDER = (
    "service.name", "service.namespace", "service.version", "host.name", "process.pid", *ENVIRONMENT,
)  # fmt: skip
PENDING, PENDING_PARENT = "logfire.span_type", "logfire.pending_parent_id"

WANTED = frozenset(
    (
        *(key for key, _ in KIND_RULES), AGENT_ID, *AGENT_NAME, ENTITY, *DESCRIPTION, *VERSION,
        *SESSION, *TITLE_KEYS, *CALL_OF_AGENT, *TOOL, *CALL_OF_TOOL, *ARGUMENTS, *RESULT,
        *PROVIDER, *MODEL, *INPUT, *OUTPUT, *CACHE_READ, *CACHE_WRITE, *REASONING, COST, CURRENCY,
        *OTHER_COSTS, *LINKS, *ERROR_TYPE, PENDING, PENDING_PARENT, *SENDER,
    )
)  # fmt: skip


def spans_of(request: ExportTraceServiceRequest) -> list[SpanFacts]:
    """The facts of every span that has ids, in the order of the export."""
    found = []
    cleaned = Cleaned()
    for resource_spans in request.resource_spans:
        sender = Sender(attributes(resource_spans.resource.attributes, WANTED))
        for scope_spans in resource_spans.scope_spans:
            framework = framework_of(scope_spans.scope.name)
            for span in scope_spans.spans:
                if (facts := _facts(span, sender, framework, cleaned)) is not None:
                    found.append(facts)
    return found


class Sender:
    """Who sent a group of spans: the resource, and the agents that were seen in it."""

    def __init__(self, resource: Values) -> None:
        self.resource = resource
        self.service = first_text(resource, ("service.name",), 200)
        namespace = first_text(resource, ("service.namespace",), 100)
        self.prefix = f"{namespace}/{self.service}" if namespace else self.service
        self.links = links_of(resource)
        self._agents: dict[tuple[str, ...], AgentFacts | None] = {}

    def agent(self, values: Values, entity: str, framework: str) -> AgentFacts | None:
        """The agent that a span names, or else its service; None if there is neither."""
        key = (
            as_text(values.get(AGENT_ID)),
            first_text(values, AGENT_NAME, 200) or entity,
            first_text(values, DESCRIPTION, 500),
            first_text(values, VERSION, 100),
            framework,
        )
        if key not in self._agents:
            self._agents[key] = self._new(*key)
        return self._agents[key]

    def _new(
        self, agent_id: str, name: str, description: str, version: str, framework: str
    ) -> AgentFacts | None:
        resource = self.resource
        if not (agent_id or name or self.service):
            return None
        pid = first_text(resource, ("process.pid",), 20)
        return AgentFacts(
            external_id=(agent_id or (f"{self.prefix}:{name}" if name else self.prefix))[:300],
            name=(name or self.service or agent_id)[:100],
            description=description,
            version=version or first_text(resource, ("service.version",), 100),
            host=first_text(resource, ("host.name",), 200) or (f"process {pid}" if pid else ""),
            environment=first_text(resource, ENVIRONMENT, 100),
            framework=framework,
            named=bool(agent_id or name),
        )


def framework_of(scope: str) -> str:
    """What made the spans, from the name of their instrumentation scope."""
    for prefix in ("openinference.instrumentation.", "opentelemetry.instrumentation."):
        scope = scope.removeprefix(prefix)
    return "google-adk" if scope == "gcp.vertex.agent" else clean(scope, 100)


def kind_of(values: Values, name: str) -> str:
    for key, kinds in KIND_RULES:
        value = values.get(key)
        if type(value) is str:
            kind = kinds.get(value) or kinds.get(
                value.upper() if kinds is OPENINFERENCE_KINDS else value.lower()
            )
            if kind is not None:
                return kind
    for start, kind in NAMES.items():
        if name.startswith(start) and name[len(start) : len(start) + 1] in ("", " ", ":"):
            return kind
    return f.OTHER


def links_of(values: Values) -> tuple[UUID | None, UUID | None, UUID | None]:
    """Our run, step and command run that the work belongs to."""
    run, step, command_run = (as_uuid(values.get(key)) for key in LINKS)
    return run, step, command_run


def _facts(span: Span, sender: Sender, framework: str, cleaned: Cleaned) -> SpanFacts | None:
    trace_id, span_id = hex_id(span.trace_id, 16), hex_id(span.span_id, 8)
    parent = hex_id(span.parent_span_id, 8)
    values = attributes(span.attributes, WANTED, cleaned)
    name = cleaned.text(span.name, 200) or "unnamed"
    ended_at = (
        moment(max(span.end_time_unix_nano, span.start_time_unix_nano)) if span.end_time_unix_nano else None
    )
    source, status = f.SPAN, f.ERROR if span.status.code == Status.STATUS_CODE_ERROR else f.OK
    if values.get(PENDING) == "pending_span":
        span_id, parent = parent, _pending_parent(values)
        source, status, ended_at = f.START, f.OPEN, None
    elif ended_at is None:
        source, status = f.START, f.OPEN
    if not trace_id or not span_id:
        return None

    is_claude = name.startswith(CLAUDE_CODE)
    kind = _claude_kind(name) if is_claude else kind_of(values, name)
    is_root = kind in (f.AGENT, f.WORKFLOW)
    links = links_of(values) if "mc.run_id" in values or "mc.command_run_id" in values else sender.links
    tool: Values = _tool(values, name, span_id) if kind == f.TOOL else {}
    started = span.start_time_unix_nano or span.end_time_unix_nano
    usage: Values = _usage(values, started) if kind in (f.LLM, f.AGENT) and not is_claude else {}
    error_type, error = _error(span, values) if status == f.ERROR else ("", "")
    entity = first_text(values, (ENTITY,), 200) if kind == f.AGENT else ""
    return SpanFacts(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        source=source,
        status=status,
        started_at=moment(started),
        ended_at=ended_at,
        agent=sender.agent(values, entity, framework if is_root else ""),
        title=title_of(span, values, name) if is_root else "",
        session=first_text(values, SESSION, 200),
        run_id=links[0],
        step_id=links[1],
        command_run_id=links[2],
        call_id=(first_text(values, CALL_OF_AGENT, 200) or span_id) if is_root else tool.pop("call_id", ""),
        error_type=error_type,
        error=error,
        attributes=values,
        resource=sender.resource,
        events=_events(span) if span.events else [],
        **usage,
        **tool,
    )


def _pending_parent(values: Values) -> str:
    parent = as_text(values.get(PENDING_PARENT)).lower()
    is_id = len(parent) == 16 and parent.strip("0") and not parent.strip("0123456789abcdef")
    return parent if is_id else ""


def _claude_kind(name: str) -> str:
    """Claude Code's own spans show its turns; calls and tokens are counted from its logs alone."""
    return f.AGENT if name == "claude_code.interaction" else f.OTHER


def _tool(values: Values, name: str, span_id: str) -> Values:
    """The call of a tool. What it was given and gave is taken out of the attributes."""
    found = {
        "tool": first_text(values, TOOL, 200) or name.removeprefix("execute_tool ")[:200],
        "call_id": first_text(values, CALL_OF_TOOL, 200) or span_id,
        "input": as_content(first(values, ARGUMENTS)),
        "output": as_content(first(values, RESULT)),
    }
    for key in (*ARGUMENTS, *RESULT):
        values.pop(key, None)
    return found


def _usage(values: Values, started: int) -> Values:
    model = first_text(values, MODEL, 200)
    tokens = (
        first_whole(values, INPUT),
        first_whole(values, OUTPUT),
        first_whole(values, CACHE_READ),
        first_whole(values, CACHE_WRITE),
    )
    cost, cost_source = _reported(values), f.REPORTED
    if cost is None:
        cost, cost_source = cost_of(model, *tokens, moment(started)), f.COMPUTED
    return {
        "provider": first_text(values, PROVIDER, 100),
        "model": model,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "cache_read_tokens": tokens[2],
        "cache_write_tokens": tokens[3],
        "reasoning_tokens": first_whole(values, REASONING),
        "cost_usd": cost,
        "cost_source": cost_source if cost is not None else f.UNKNOWN,
    }


def _reported(values: Values) -> Decimal | None:
    """What the sender says it cost, if it says so in USD; other currencies are not converted."""
    if (
        as_text(values.get(CURRENCY)).upper() in ("", "USD")
        and (cost := as_usd(values.get(COST))) is not None
    ):
        return cost
    for key in OTHER_COSTS:
        if (cost := as_usd(values.get(key))) is not None:
            return cost
    return None


def _error(span: Span, values: Values) -> tuple[str, str]:
    kind, message = first_text(values, ERROR_TYPE, 200), clean(span.status.message, 500)
    for event in span.events[:MAX_EVENTS] if not (kind and message) else ():
        if event.name == "exception":
            told = attributes(event.attributes, WANTED)
            kind = kind or first_text(told, ("exception.type",), 200)
            message = message or first_text(told, ("exception.message",), 500)
    return kind, message


def _events(span: Span) -> list[dict[str, Any]]:
    return [
        {
            "name": clean(event.name, 200),
            "at": moment(event.time_unix_nano).isoformat(),
            "attributes": attributes(event.attributes, frozenset()),
        }
        for event in span.events[:MAX_EVENTS]
    ]
