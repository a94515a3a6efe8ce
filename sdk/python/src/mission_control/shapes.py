"""What the server answers, as far as this package promises it. Answers may hold more."""

from __future__ import annotations

from typing import Any, TypedDict


class ErrorRow(TypedDict):
    code: str
    message: str


class Tokens(TypedDict):
    input: int | None
    output: int | None


class AgentBrief(TypedDict):
    id: str
    name: str


class AgentRow(TypedDict):
    id: str
    name: str
    type: str
    status: str
    status_reason: str
    current_task: str | None
    last_active: str
    capabilities: list[str]
    connector: str
    paused: bool


class CommandRow(TypedDict):
    name: str
    title: str
    description: str
    capability: str
    parameters: dict[str, Any]


class CommandRunRow(TypedDict):
    id: str
    command: str | None
    title: str
    agent: AgentBrief | None
    status: str
    attempt: int
    progress: int
    message: str
    error_code: str
    tokens: Tokens
    cost_usd: float | None
    model: str
    run_id: str | None
    requested_by: str
    queued_at: str
    started_at: str | None
    finished_at: str | None


class CommandRun(CommandRunRow):
    input: Any
    output: Any
    error: ErrorRow | None


class LogLine(TypedDict):
    number: int
    attempt: int
    level: str
    text: str
    at: str


class RunRow(TypedDict):
    id: str
    number: int
    name: str
    workflow: str
    status: str
    status_reason: str
    progress: int
    current_step: int
    total_steps: int
    created_at: str
    started_at: str | None
    completed_at: str | None
    requested_by: str
    tokens: Tokens


class Step(TypedDict):
    key: str
    name: str
    kind: str
    status: str
    wait_reason: str
    agent: AgentBrief | None
    command: str | None
    command_run_id: str | None
    approval_id: str | None
    progress: int
    output: Any
    error: ErrorRow | None


class Run(RunRow):
    input: dict[str, Any]
    output: Any
    error: ErrorRow | None
    steps: list[Step]


class Approval(TypedDict):
    id: str
    title: str
    details: str
    state: str
    options: list[str]
    can_decide: bool
    why_not: str
    requested_by: str
    created_at: str
    expires_at: str | None


class State(TypedDict):
    id: str
    status: str
