"""OpenTelemetry for agents: spans that are seen when they begin, not only when they have ended.

A span is exported at its end, so that a long turn of an agent is invisible while it lasts.
`LiveSpanProcessor` sends a span of no length at the start of what agents do, in the shape of Logfire's
pending spans: an id of its own, its parent is the span that began. Needs the extra `otel`.
"""

from __future__ import annotations

import os

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import INVALID_SPAN_ID, SpanContext, format_span_id

from mission_control.transport import Transport

# Operations of the GenAI conventions, kinds of OpenInference and OpenLLMetry, and how spans are named
# that get their attributes only later.
OPERATIONS = {
    "create_agent", "invoke_agent", "invoke_workflow", "execute_tool", "chat", "generate_content",
    "text_completion", "embeddings",
}  # fmt: skip
KINDS = {
    "openinference.span.kind": {"AGENT", "CHAIN", "LLM", "TOOL"},
    "traceloop.span.kind": {"workflow", "agent", "task", "tool"},
    "gen_ai.operation.name": OPERATIONS,
}
NAMES = ("invoke_agent", "execute_tool", "chat ", "agent run", "running tool", "call_llm")
LIVE_DELAY_MS = 200
DELAY_MS = 1000


class LiveSpanProcessor(SpanProcessor):
    """Beside the usual processor: `provider.add_span_processor(LiveSpanProcessor(exporter))`.

    It batches on a thread of its own and never delays the program; the exporter is not shared.
    """

    def __init__(self, exporter: SpanExporter, *, delay_ms: float = LIVE_DELAY_MS) -> None:
        self._sender = BatchSpanProcessor(exporter, schedule_delay_millis=delay_ms)
        self._ids = RandomIdGenerator()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        context = span.get_span_context()
        if not context.trace_flags.sampled or not is_of_agents(span):
            return
        parent = format_span_id(span.parent.span_id if span.parent else INVALID_SPAN_ID)
        self._sender.on_end(
            ReadableSpan(
                name=span.name,
                context=SpanContext(
                    context.trace_id, self._ids.generate_span_id(), False, context.trace_flags
                ),
                parent=context,
                resource=span.resource,
                attributes={
                    **(span.attributes or {}),
                    "logfire.span_type": "pending_span",
                    "logfire.pending_parent_id": parent,
                },
                kind=span.kind,
                start_time=span.start_time,
                end_time=span.start_time,
                instrumentation_scope=span.instrumentation_scope,
            )
        )

    def on_end(self, span: ReadableSpan) -> None:
        """The end is the usual processor's."""

    def shutdown(self) -> None:
        self._sender.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._sender.force_flush(timeout_millis)


def is_of_agents(span: ReadableSpan) -> bool:
    """Whether its start tells what an agent does."""
    values = span.attributes or {}
    return any(values.get(name) in kinds for name, kinds in KINDS.items()) or span.name.startswith(NAMES)


def setup(url: str | None = None, key: str | None = None, service_name: str | None = None) -> TracerProvider:
    """Send the program's spans to Mission Control, each when it begins and when it ends.

    `url` and `key` default to MC_URL and MC_KEY; the key has the scope `ingest`. A provider that is
    set up already is used as it is, with its own service name.
    """
    where = Transport(url, key)
    where.close()
    endpoint, headers = f"{where.url}/v1/traces", {"Authorization": f"Bearer {where.key}"}
    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        provider = known
    else:
        name = service_name or os.environ.get("OTEL_SERVICE_NAME") or "python-agent"
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        trace.set_tracer_provider(provider)
    for exporter, make in (
        (OTLPSpanExporter(endpoint, headers=headers), _ended),
        (OTLPSpanExporter(endpoint, headers=headers), LiveSpanProcessor),
    ):
        provider.add_span_processor(make(exporter))
    return provider


def _ended(exporter: SpanExporter) -> SpanProcessor:
    return BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MS)
