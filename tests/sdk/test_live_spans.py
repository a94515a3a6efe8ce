"""Spans that are seen when they begin: bytes of the pending span, and the agent on the running product."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mission_control import otel
from mission_control.otel import LiveSpanProcessor
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until
from tests.sdk.conftest import key_for

AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Scout"}


@pytest.fixture
def exported() -> Iterator[tuple[trace.Tracer, InMemorySpanExporter, Callable[[], object]]]:
    """A tracer with the live processor alone, what it exported, and how to have it export now."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    live = LiveSpanProcessor(kept)
    provider.add_span_processor(live)
    yield provider.get_tracer("test"), kept, live.force_flush
    provider.shutdown()


def test_a_span_of_an_agent_is_told_at_its_start_with_the_span_as_its_parent(
    exported: tuple[trace.Tracer, InMemorySpanExporter, Callable[[], object]],
) -> None:
    tracer, kept, flush = exported
    with (
        tracer.start_as_current_span("outer") as outer,
        tracer.start_as_current_span("invoke_agent Scout", attributes=AGENT) as span,
    ):
        flush()
        (pending,) = kept.get_finished_spans()
    real, own = span.get_span_context(), pending.get_span_context()
    assert own is not None
    assert own.trace_id == real.trace_id
    assert own.span_id != real.span_id
    assert pending.parent == real
    assert pending.start_time == pending.end_time
    assert dict(pending.attributes or {}) == {
        **AGENT,
        "logfire.span_type": "pending_span",
        "logfire.pending_parent_id": trace.format_span_id(outer.get_span_context().span_id),
    }
    flush()
    assert len(kept.get_finished_spans()) == 1, "the end is the usual processor's"


def test_only_what_agents_do_is_told_at_its_start(
    exported: tuple[trace.Tracer, InMemorySpanExporter, Callable[[], object]],
) -> None:
    tracer, kept, flush = exported
    for name, attributes in (
        ("GET /", {}),
        ("invoke_agent early", {}),
        ("chat gpt", {"gen_ai.operation.name": "chat"}),
        ("tool", {"openinference.span.kind": "TOOL"}),
        ("retrieve", {"openinference.span.kind": "RETRIEVER"}),
    ):
        tracer.start_span(name, attributes=attributes).end()
    flush()
    assert [span.name for span in kept.get_finished_spans()] == ["invoke_agent early", "chat gpt", "tool"]


def test_setup_is_one_line_and_uses_the_provider_that_is_there(
    stack: Stack, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is busy before its span has ended, and at rest after."""
    provider = TracerProvider(resource=Resource.create({"service.name": "live-spans"}))
    ended = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(ended))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert otel.setup(stack.url, key_for(client, "ingest")) is provider
    name = {**AGENT, "gen_ai.agent.name": "Live Scout"}

    def status() -> str:
        rows = client.get("agents/", params={"q": "Live Scout"})["results"]
        return str(rows[0]["status"]) if rows else ""

    try:
        with provider.get_tracer("test").start_as_current_span("invoke_agent Live Scout", attributes=name):
            until(lambda: status() == "busy", 60, "the agent to be busy")
            assert ended.get_finished_spans() == ()
        until(lambda: status() == "idle", 60, "the agent to be at rest")
    finally:
        provider.shutdown()
