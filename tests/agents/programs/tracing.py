"""A program that traces one task by hand with OpenTelemetry's own SDK and exporter; all settings are
environment variables. It goes on whenever it reads a line."""

import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = trace.get_tracer("by-hand", tracer_provider=provider)

task = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "cartographer",
    "gen_ai.conversation.id": "map-1",
    "mc.task.title": "Draw the coast",
}
with tracer.start_as_current_span("invoke_agent cartographer", attributes=task):
    call: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "example",
        "gen_ai.request.model": "a-model-nobody-has-a-price-for",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 34,
    }
    with tracer.start_as_current_span("chat a-model", attributes=call):
        pass
    sys.stdin.readline()
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "draw"}
    with tracer.start_as_current_span("execute_tool draw", attributes=tool):
        pass
provider.shutdown()
