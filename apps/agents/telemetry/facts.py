"""What one export says of spans and of the agents they belong to, in our words. Plain Python.

The values of `kind`, `source`, `status` and `cost_source` are those of `apps.agents.models.telemetry`.
Texts fit their columns and can be stored; numbers fit too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

WORKFLOW, AGENT, LLM, TOOL, OTHER = "workflow", "agent", "llm", "tool", "other"
OPEN, OK, ERROR = "open", "ok", "error"
SPAN, START, INFERRED, LOG = "span", "start", "inferred", "log"
REPORTED, COMPUTED, UNKNOWN = "reported", "computed", "unknown"


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """An agent as its telemetry names it. Only `external_id` and `name` are never empty.

    Not `named`: the span names no agent, only its service is known. The agent that its activity's
    root names, in whichever export that comes, is then the truer one.
    """

    external_id: str
    name: str
    type: str = ""
    description: str = ""
    version: str = ""
    host: str = ""
    environment: str = ""
    framework: str = ""
    named: bool = True


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """One span as one export tells it; ids in lower-case hex, times in UTC. It follows from the span
    and its resource alone, so that neither the order nor the cut of batches changes it.

    `attributes`, `resource` and `events` are JSON values and shared between spans: never change them.
    """

    trace_id: str
    span_id: str
    name: str
    started_at: datetime
    parent_span_id: str = ""
    kind: str = OTHER
    source: str = SPAN
    status: str = OK
    ended_at: datetime | None = None
    agent: AgentFacts | None = None
    title: str = ""
    session: str = ""
    provider: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_source: str = UNKNOWN
    tool: str = ""
    call_id: str = ""
    error_type: str = ""
    error: str = ""
    run_id: UUID | None = None
    step_id: UUID | None = None
    command_run_id: UUID | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    input: str = ""
    output: str = ""

    @property
    def is_start(self) -> bool:
        """Whether it tells only that the span began: a pending span, a record of a prompt."""
        return self.status == OPEN
