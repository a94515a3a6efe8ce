"""Two agents of pydantic-ai, one of which asks the other; instrumented in the one line its guide gives.

The model answers by rule. The inner agent's tool goes on whenever it reads a line."""

import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
Agent.instrument_all()


def calls_first(tool: str, arguments: dict[str, Any], answer: str) -> FunctionModel:
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        first = len(messages) == 1
        usage = RequestUsage(input_tokens=100 if first else 160, output_tokens=20)
        return ModelResponse(
            parts=[ToolCallPart(tool, arguments) if first else TextPart(answer)], usage=usage
        )

    return FunctionModel(reply, model_name="gpt-5-mini")


weather = Agent(calls_first("temperature", {"city": "Oslo"}, "It is cold."), name="weather")
planner = Agent(calls_first("ask_weather", {"city": "Oslo"}, "Take a coat."), name="planner")


@weather.tool_plain
def temperature(city: str) -> int:
    sys.stdin.readline()
    return -3


@planner.tool_plain
async def ask_weather(city: str) -> str:
    return (await weather.run(f"How is it in {city}?")).output


print(planner.run_sync("What shall I wear in Oslo?", conversation_id="conversation-7").output)
provider.shutdown()
