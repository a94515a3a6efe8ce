"""A chain of LangChain with a chat model and a tool, told through OpenInference's instrumentation.

The tool goes on whenever it reads a line."""

import sys
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from openinference.instrumentation import using_session
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)


def answers() -> Iterator[AIMessage]:
    usage: Any = {"input_tokens": 57, "output_tokens": 9, "total_tokens": 66}
    yield AIMessage("Oslo", usage_metadata=usage, response_metadata={"model_name": "claude-sonnet-4-5"})


@tool
def temperature(city: str) -> int:
    """The temperature in a city."""
    sys.stdin.readline()
    return -3


model: Any = GenericFakeChatModel(messages=answers())
chain = model | RunnableLambda(lambda said: said.content) | temperature
with using_session("session-9"):
    print(chain.with_config(run_name="weather_chain").invoke("Where is it cold?"))
provider.shutdown()
