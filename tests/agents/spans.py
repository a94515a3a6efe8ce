"""Facts of spans for tests: valid by default, everything overridable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.agents.models import Agent, Span
from apps.agents.telemetry.facts import AgentFacts, SpanFacts

BEGAN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TRACE = "a" * 32


def trace_id(number: int) -> str:
    return f"{number:032x}"


def span_id(number: int) -> str:
    return f"{number:016x}"


def agent(name: str = "scout", service: str = "svc", **fields: Any) -> AgentFacts:
    return AgentFacts(external_id=f"{service}:{name}", name=name, **fields)


def service(name: str = "svc") -> AgentFacts:
    """A sender of which only the service is known."""
    return AgentFacts(external_id=name, name=name, named=False)


def span(number: int, parent: int = 0, kind: str = "agent", **fields: Any) -> SpanFacts:
    """The span of that number; it lasted a second for each, and what is inside began later."""
    given: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": span_id(number),
        "parent_span_id": span_id(parent) if parent else "",
        "kind": kind,
        "name": f"{kind} {number}",
        "started_at": BEGAN + timedelta(seconds=number),
        "status": "ok",
        "agent": agent(),
    }
    if fields.get("status") != "open":
        given["ended_at"] = BEGAN + timedelta(seconds=100 - number)
    return SpanFacts(**given | fields)


STORED = (
    "trace_id", "span_id", "parent_span_id", "root_span_id", "kind", "source", "status", "name", "title",
    "started_at", "ended_at", "session", "model", "input_tokens", "output_tokens", "cost_usd", "tool",
    "agent__name",
)  # fmt: skip


def stored(project_id: UUID) -> dict[str, dict[str, Any]]:
    """What is stored, by span id, without what counts rows or tells the time of storing."""
    rows = Span.objects.filter(project_id=project_id).order_by("trace_id", "span_id").values(*STORED)
    return {f"{int(row['trace_id'], 16):x}/{int(row['span_id'], 16)}": dict(row) for row in rows}


def agents(project_id: UUID) -> dict[str, tuple[str, str | None]]:
    """Status and task of every agent, by name."""
    rows = Agent.objects.filter(project_id=project_id).values_list("name", "status", "current_task")
    return {name: (status, task) for name, status, task in rows}
