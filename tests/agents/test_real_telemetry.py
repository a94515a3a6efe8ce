"""Programs that nobody here wrote, told where to send their telemetry by environment variables alone,
against the running product: each shows the right agent, status, task, tools and tokens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

pytestmark = pytest.mark.timeout(300)

PROGRAMS = Path(__file__).parent / "programs"
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(mode.current()) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    made = client.post("keys/", {"name": "programs", "scopes": ["ingest"]})
    text: str = made["key"]
    return text


class Program:
    """A program of another's making, as a process of its own."""

    def __init__(self, name: str, stack: Stack, key: str, **env: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key}",
            "OTEL_SERVICE_NAME": name.removesuffix(".py"),
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "PYTHONUNBUFFERED": "1",
        }
        self.child = subprocess.Popen(
            [sys.executable, PROGRAMS / name],
            env=kept | settings | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def go_on(self) -> None:
        """Let it come to its end."""
        printed, errors = self.child.communicate("\n", timeout=60)
        assert self.child.returncode == 0, errors
        assert "Failed to export" not in errors, errors
        self.printed = printed

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.communicate()


def agent_called(client: Client, name: str, **wanted: Any) -> dict[str, Any]:
    """The agent of that name, once it says what is wanted."""

    def found() -> dict[str, Any] | None:
        for row in client.get(f"agents/?q={name}")["results"]:
            if row["name"] == name and all(row[field] == value for field, value in wanted.items()):
                return dict(row)
        return None

    def shown() -> dict[str, Any] | None:
        return found()

    return until(shown, 60, f"{name} with {wanted}", every=0.1, ignoring=(httpx.HTTPError,))


def activity_of(client: Client, agent: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """The newest activity of the agent, with its spans, once it says what is wanted."""

    def found() -> dict[str, Any] | None:
        for row in client.get(f"agents/{agent['id']}/activities/")["results"]:
            if all(row[field] == value for field, value in wanted.items()):
                whole: dict[str, Any] = client.get(f"activities/{row['trace_id']}/{row['span_id']}/")
                return whole
        return None

    return until(found, 60, f"an activity of {agent['name']} with {wanted}", every=0.1)


def tools(activity: dict[str, Any]) -> list[str]:
    return [span["tool"] for span in activity["spans"] if span["kind"] == "tool"]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_opentelemetrys_own_exporter_shows_a_task_while_it_runs_and_what_it_used(
    stack: Stack, client: Client, key: str, compression: str
) -> None:
    service = f"maps-{compression}"
    env = {"OTEL_EXPORTER_OTLP_COMPRESSION": compression, "OTEL_SERVICE_NAME": service}
    with Program("tracing.py", stack, key, **env) as program:
        # Until its task ends, only a child of it was told of.
        client_sees = until(lambda: _of_service(client, service), 60, "its agent", every=0.1)
        assert (client_sees["status"], client_sees["provenance"]) == ("busy", "inferred")
        program.go_on()
    cartographer = until(
        lambda: _of_service(client, service, status="idle", provenance="event"), 60, "it to rest", every=0.1
    )
    assert cartographer["name"].startswith("cartographer")
    assert (cartographer["current_task"], cartographer["connector"]) == (None, "pull")
    activity = activity_of(client, cartographer, status="ok")
    assert (activity["title"], activity["session"], tools(activity)) == ("Draw the coast", "map-1", ["draw"])
    assert (activity["tokens"]["input"], activity["tokens"]["output"]) == (1200, 34)
    assert (activity["cost_usd"], activity["cost_source"], activity["unpriced_calls"]) == (None, "unknown", 1)


def _of_service(client: Client, service: str, **wanted: Any) -> dict[str, Any] | None:
    for row in client.get("agents/?connector=pull")["results"]:
        of_it = (row["external_id"] or "").startswith(service)
        if of_it and all(row[field] == value for field, value in wanted.items()):
            return dict(row)
    return None


def test_agents_of_pydantic_ai_are_told_apart_and_never_counted_twice(
    stack: Stack, client: Client, key: str
) -> None:
    with Program("pydantic_agents.py", stack, key) as program:
        agent_called(client, "weather", status="busy", provenance="inferred")
        program.go_on()
    assert program.printed.strip() == "Take a coat."
    planner = agent_called(client, "planner", status="idle", current_task=None)
    agent_called(client, "weather", status="idle", current_task=None)
    activity = activity_of(client, planner, status="ok")
    assert activity["title"] == "What shall I wear in Oslo?"
    assert tools(activity) == ["ask_weather", "temperature"]
    assert (activity["session"], activity["llm_count"]) == ("conversation-7", 4)
    assert (activity["tokens"]["input"], activity["tokens"]["output"]) == (520, 80)
    by_agent = {span["agent"]["name"] for span in activity["spans"]}
    assert by_agent == {"planner", "weather"}
    assert {span["root_span_id"] for span in activity["spans"]} == {activity["span_id"]}


def test_a_chain_of_langchain_appears_through_openinference(stack: Stack, client: Client, key: str) -> None:
    with Program("langchain_chain.py", stack, key) as program:
        agent_called(client, "langchain_chain", status="busy", provenance="inferred")
        program.go_on()
    chain = agent_called(client, "langchain_chain", status="idle", current_task=None)
    activity = activity_of(client, chain, status="ok")
    assert (activity["name"], activity["session"], tools(activity)) == (
        "weather_chain", "session-9", ["temperature"],
    )  # fmt: skip
    assert (activity["tokens"]["input"], activity["tokens"]["output"]) == (57, 9)
    assert [row["id"] for row in client.get(f"sessions/?agent={chain['id']}")["results"]] == ["session-9"]


def as_json(key: str, stack: Stack, *spans: dict[str, Any]) -> httpx.Response:
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": [_text("service.name", "by-json")]},
                "scopeSpans": [{"spans": list(spans)}],
            }
        ]
    }
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return httpx.post(f"{stack.url}/v1/traces", content=json.dumps(body), headers=headers, timeout=30)


def _text(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}


def test_otlp_in_json_is_the_same_and_a_pending_span_shows_its_task_at_once(
    stack: Stack, client: Client, key: str
) -> None:
    began = time.time_ns()
    task = [
        _text("gen_ai.operation.name", "invoke_agent"), _text("gen_ai.agent.name", "letterbox"),
        _text("mc.task.title", "Sort the letters"),
    ]  # fmt: skip
    whole = {
        "traceId": "c" * 32, "spanId": "d" * 16, "name": "invoke_agent letterbox",
        "startTimeUnixNano": str(began), "attributes": task,
    }  # fmt: skip
    pending = whole | {
        "spanId": "e" * 16,
        "parentSpanId": "d" * 16,
        "endTimeUnixNano": str(began),
        "attributes": [*task, _text("logfire.span_type", "pending_span")],
    }
    assert as_json(key, stack, pending).status_code == 200
    shown = agent_called(client, "letterbox", status="busy")
    assert (shown["current_task"], shown["provenance"]) == ("Sort the letters", "event")
    ended = whole | {"endTimeUnixNano": str(began + 3 * SECOND), "status": {"code": 2, "message": "Lost one"}}
    answer = as_json(key, stack, ended)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    agent_called(client, "letterbox", status="idle", current_task=None, last_error="Lost one")
    activity = activity_of(client, shown, status="error")
    assert (activity["title"], activity["error"]) == ("Sort the letters", "Lost one")


def test_a_dashboard_that_watches_ends_with_what_the_server_says(
    stack: Stack, client: Client, key: str
) -> None:
    with stack.viewer() as viewer:
        with Program("tracing.py", stack, key, OTEL_SERVICE_NAME="watched") as program:
            until(lambda: _of_service(client, "watched", status="busy"), 60, "its agent", every=0.1)
            program.go_on()
        until(lambda: _of_service(client, "watched", status="idle"), 60, "it to rest", every=0.1)
        until(viewer.matches, 60, "the dashboard to agree with the server", every=0.2)
