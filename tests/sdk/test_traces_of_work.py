"""Spans that an agent makes with the real OpenTelemetry SDK while it works on a step of a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from mission_control import Agent
from mission_control.work import Work
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until
from tests.sdk.conftest import key_for

CHAT: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
}


@pytest.fixture
def tracer(stack: Stack, client: Client) -> Iterator[trace.Tracer]:
    """Of a program that exports its spans; they are sent when the test asks for it, or within a second."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"traced-{uuid4().hex[:8]}"}))
    key = key_for(client, "ingest")
    exporter = OTLPSpanExporter(f"{stack.url}/v1/traces", headers={"Authorization": f"Bearer {key}"})
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
    yield provider.get_tracer("test")
    provider.shutdown()


def a_workflow(client: Client, slug: str) -> None:
    """Two steps, one after the other, for the agent of that slug."""
    steps = [
        {"key": "first", "command": "text.summarise", "agent": slug, "with": {"text": "one"}},
        {
            "key": "second",
            "command": "text.summarise",
            "agent": slug,
            "with": {"text": "two"},
            "needs": ["first"],
        },
    ]
    client.post("workflows/", {"source": json.dumps({"name": slug, "slug": slug, "steps": steps})})


def about(name: str) -> dict[str, str]:
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}


def spans_of(client: Client, run: str, count: int) -> list[dict[str, Any]]:
    def enough() -> Any:
        found = client.get(f"runs/{run}/spans/")
        return found if len(found["results"]) >= count and not still_open(found["results"]) else None

    found = until(enough, 60, f"{count} spans of run {run}")
    assert found["more"] is False
    return list(found["results"])


def still_open(rows: list[dict[str, Any]]) -> bool:
    return any(row["status"] == "open" for row in rows)


def steps_of(client: Client, run: str) -> dict[str, str]:
    return {row["key"]: row["id"] for row in client.get(f"runs/{run}/steps/")["results"]}


def test_spans_of_a_worker_are_shown_under_the_run_and_the_step_it_works_for(
    stack: Stack, client: Client, tracer: trace.Tracer, tmp_path: Path
) -> None:
    name = f"traced-{uuid4().hex[:8]}"
    worker = Agent(
        name, url=stack.url, key=key_for(client, "agent"), spool=tmp_path, capabilities=["summarising"]
    )

    @worker.command("text.summarise")
    def summarise(work: Work) -> dict[str, str]:
        with tracer.start_as_current_span(f"invoke_agent {name}", attributes=about(name)):
            tracer.start_span("chat m-1", attributes=CHAT).end()
        return {"text": str(work.input["text"])}

    thread = threading.Thread(target=worker.run, kwargs={"signals": False})
    thread.start()
    try:
        until(lambda: client.get(f"agents/?q={name}")["results"], 60, f"{name} to register")
        a_workflow(client, name)
        run = client.start(name, {})["id"]
        assert client.wait_run(run)["status"] == "completed"
    finally:
        worker.stop()
        thread.join(30)
    rows, steps = spans_of(client, run, 4), steps_of(client, run)
    assert [(row["kind"], row["depth"], row["step_id"]) for row in rows] == [
        ("agent", 0, steps["first"]), ("llm", 1, steps["first"]),
        ("agent", 0, steps["second"]), ("llm", 1, steps["second"]),
    ]  # fmt: skip
    assert {row["run_id"] for row in rows} == {run}
    assert all(row["command_run_id"] for row in rows)
    assert {row["source"] for row in rows} == {"span"}
    (activity, _) = client.get(f"agents/{rows[0]['agent']['id']}/activities/")["results"]
    assert (activity["run_id"], activity["tokens"]["input"]) == (run, 12)
    detail = client.get(f"spans/{rows[1]['id']}/")
    assert (detail["run_id"], detail["step_id"]) == (run, steps["first"])


def test_the_traceparent_of_the_five_calls_does_the_same(client: Client, tracer: trace.Tracer) -> None:
    """With a child that is exported long before its parent."""
    name, key = f"traced-{uuid4().hex[:8]}", key_for(client, "agent")
    mine = {"headers": {"Authorization": f"Bearer {key}"}}
    body = {"name": name, "type": "test", "capabilities": ["summarising"]}
    agent = client.post("agents/register/", body, **mine)
    a_workflow(client, name)
    run = client.start(name, {})["id"]
    taken = client.post(f"agents/{agent['id']}/claims/?wait=20", **mine)["command_run"]
    context = extract({"traceparent": taken["traceparent"]})
    with tracer.start_as_current_span(f"invoke_agent {name}", context, attributes=about(name)):
        tracer.start_span("chat m-1", attributes=CHAT).end()
        until(lambda: client.get(f"runs/{run}/spans/")["results"], 60, "the child to be shown")
    rows, steps = spans_of(client, run, 2), steps_of(client, run)
    assert [(row["kind"], row["step_id"], row["command_run_id"]) for row in rows] == [
        ("agent", steps["first"], taken["id"]),
        ("llm", steps["first"], taken["id"]),
    ]
    client.post(f"runs/{run}/cancellation/")
