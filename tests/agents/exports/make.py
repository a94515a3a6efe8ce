"""Makes the recorded exports anew: real libraries run with models that answer by rule, and what
OpenTelemetry's own OTLP encoder would send is written to files. No network, no server.

Run from the root of the repository: `python tests/agents/exports/make.py`. Ids and times differ each
time, nothing that the tests assert does.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

HERE = Path(__file__).parent


def record(name: str, service: str, program: Callable[[TracerProvider], None]) -> None:
    """Run the program and write its spans, in the order in which they ended, to `<name>.pb`."""
    provider = TracerProvider(
        resource=Resource(
            {
                "service.name": service,
                "service.namespace": "examples",
                "service.version": "1.4.0",
                "deployment.environment.name": "recording",
                "host.name": "recorder",
            }
        )
    )
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    program(provider)
    request = encode_spans(exporter.get_finished_spans())
    spans = [
        span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]
    for attribute in (pair for span in spans for event in span.events for pair in event.attributes):
        if attribute.key == "exception.stacktrace":  # it would tell of the recorder's folders
            attribute.value.string_value = "Traceback (most recent call last): left out"
    (HERE / f"{name}.pb").write_bytes(request.SerializeToString())
    print(f"{name}: {len(spans)} spans")


def pydantic_ai_nested(provider: TracerProvider) -> None:
    """A planner whose tool asks a second agent; each agent calls its model twice."""
    nested_agents(provider)


def pydantic_ai_old_names(provider: TracerProvider) -> None:
    """The same as older versions told it: agents repeat what their models used, under the same names."""
    nested_agents(provider, version=2, use_aggregated_usage_attribute_names=False)


def nested_agents(provider: TracerProvider, **settings: Any) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.usage import RequestUsage

    def calls_first(tool: str, arguments: dict[str, Any], answer: str, read: int) -> FunctionModel:
        def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            first = len(messages) == 1
            usage = RequestUsage(input_tokens=100 if first else 160, output_tokens=20, cache_read_tokens=read)
            part = ToolCallPart(tool, arguments) if first else TextPart(answer)
            return ModelResponse(parts=[part], usage=usage)

        return FunctionModel(reply, model_name="gpt-5-mini")

    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider, **settings))
    try:
        weather = Agent(calls_first("temperature", {"city": "Oslo"}, "It is cold.", 40), name="weather")
        planner = Agent(calls_first("ask_weather", {"city": "Oslo"}, "Take a coat.", 0), name="planner")

        @weather.tool_plain
        def temperature(city: str) -> int:
            return -3

        @planner.tool_plain
        async def ask_weather(city: str) -> str:
            return (await weather.run(f"How is it in {city}?")).output

        planner.run_sync("What shall I wear in Oslo?", conversation_id="conversation-7")
    finally:
        Agent.instrument_all(False)


def pydantic_ai_error(provider: TracerProvider) -> None:
    """An agent whose tool raises."""
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.test import TestModel

    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
    try:
        reader = Agent(TestModel(), name="reader")

        @reader.tool_plain
        def read_file(path: str) -> str:
            raise FileNotFoundError("no such file")

        with suppress(FileNotFoundError):
            reader.run_sync("Read the report.")
    finally:
        Agent.instrument_all(False)


def langchain(provider: TracerProvider) -> None:
    """A chain of a prompt, a chat model that tells its usage, and a tool, within one session."""
    from langchain_core.language_models.base import LangSmithParams
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool
    from openinference.instrumentation import using_session
    from openinference.instrumentation.langchain import LangChainInstrumentor

    def answers() -> Iterator[AIMessage]:
        while True:
            yield AIMessage(
                "Oslo",
                usage_metadata={
                    "input_tokens": 57,
                    "output_tokens": 9,
                    "total_tokens": 66,
                    "input_token_details": {"cache_read": 16},
                    "output_token_details": {"reasoning": 4},
                },
                response_metadata={"model_name": "claude-sonnet-4-5", "model_provider": "anthropic"},
            )

    class Model(GenericFakeChatModel):
        """Tells its name and maker as models of real providers do."""

        model_name: str = "claude-sonnet-4-5"

        @property
        def _identifying_params(self) -> dict[str, Any]:
            return {"model_name": self.model_name}

        def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
            return LangSmithParams(
                ls_provider="anthropic", ls_model_name=self.model_name, ls_model_type="chat"
            )

    @tool
    def temperature(city: str) -> int:
        """The temperature in a city."""
        return -3

    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        chain = (
            ChatPromptTemplate.from_messages([("system", "Name a city."), ("human", "{question}")])
            | Model(messages=answers())
            | RunnableLambda(lambda message: {"city": message.content})
            | temperature
        ).with_config(run_name="weather_chain")
        with using_session("session-9"):
            chain.invoke({"question": "Where is it cold?"})
    finally:
        instrumentor.uninstrument()


RECORDINGS: dict[str, tuple[str, Callable[[TracerProvider], None]]] = {
    "pydantic_ai_nested": ("travel", pydantic_ai_nested),
    "pydantic_ai_old_names": ("travel", pydantic_ai_old_names),
    "pydantic_ai_error": ("files", pydantic_ai_error),
    "langchain": ("chains", langchain),
}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or RECORDINGS:
        record(wanted, *RECORDINGS[wanted])
