"""OpenTelemetry's own exporters against the running product: what they send is there a moment later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until


@pytest.fixture
def key(client: Client) -> str:
    return str(client.post("keys/", {"name": "exporter", "scopes": ["ingest"]})["key"])


class Watched(OTLPSpanExporter):
    """The exporter, remembering how each export ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.results: list[SpanExportResult] = []

    def export(self, spans: Any) -> SpanExportResult:
        result = super().export(spans)
        self.results.append(result)
        return result


@contextmanager
def tracing(exporter: OTLPSpanExporter, service: str) -> Iterator[Any]:
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        yield provider.get_tracer("tests")
    finally:
        provider.shutdown()


def agent_named(client: Client, name: str) -> Any:
    found = client.get("agents/", params={"search": name})["results"]
    return next((one for one in found if one["name"] == name), None)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_an_agent_appears_by_what_its_exporter_sends(
    stack: Stack, client: Client, key: str, compression: Compression
) -> None:
    name = f"Exporting agent {compression.value}"
    exporter = Watched(
        endpoint=f"{stack.url}/v1/traces",
        headers={"authorization": f"Bearer {key}"},
        compression=compression,
    )
    with tracing(exporter, "exporting") as tracer:
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        with tracer.start_as_current_span(f"invoke_agent {name}", attributes=told):
            pass
        assert exporter.results == [SpanExportResult.SUCCESS]
        until(lambda: agent_named(client, name), 30, "the agent to appear")


def test_the_exporter_gives_up_on_a_wrong_key(stack: Stack) -> None:
    exporter = Watched(endpoint=f"{stack.url}/v1/traces", headers={"authorization": "Bearer mc_wrong"})
    with tracing(exporter, "exporting") as tracer, tracer.start_as_current_span("x"):
        pass
    assert exporter.results == [SpanExportResult.FAILURE]


def test_a_large_body_that_is_refused_gets_its_answer(stack: Stack, key: str) -> None:
    """The connection is not cut while the sender still writes."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/x-protobuf"}
    for body, given, status in (
        (b"\x00" * (9 << 20), headers, 413),
        (b"\x00" * (4 << 20), {**headers, "authorization": "Bearer mc_wrong"}, 401),
        (b"\x00" * (4 << 20), {**headers, "content-type": "text/plain"}, 415),
        (b"\x00" * (4 << 20), headers, 400),
    ):
        assert (
            httpx.post(f"{stack.url}/v1/traces", content=body, headers=given, timeout=30).status_code
            == status
        )


def test_an_engine_elsewhere_is_told_of_what_arrives() -> None:
    """It looks by itself only twice a minute here."""
    if mode.current() != "server":
        pytest.skip("embedded, the engine is in the same process")
    with Stack("server", env={"MC_REPAIR_SECONDS": "30"}) as stack:
        client = stack.client()
        key = client.post("keys/", {"name": "exporter", "scopes": ["ingest"]})["key"]
        exporter = Watched(endpoint=f"{stack.url}/v1/traces", headers={"authorization": f"Bearer {key}"})
        with tracing(exporter, "exporting") as tracer:
            for name in ("First told", "Second told", "Third told"):
                told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
                with tracer.start_as_current_span(f"invoke_agent {name}", attributes=told):
                    pass
                until(lambda name=name: agent_named(client, name), 14, f"{name} to appear")  # type: ignore[misc]
