"""Reads a project's board from the database, at one moment and with that moment's position."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from apps.agents.models import Agent, Command, CommandRun
from apps.events import journal
from apps.events.conditions import one_of
from apps.events.consistent import consistent_read
from apps.events.journal import Position
from apps.events.kinds import rfc3339
from apps.monitoring.dashboard.reducer import (
    INACTIVE,
    RUNS_KEPT,
    Board,
    Counts,
    Row,
    agent_row,
    alert_row,
    day_of,
    run_row,
)
from apps.monitoring.models import Alert, AlertState
from apps.workflows.models import RUN_OPEN, Approval, ApprovalState, Run, RunStatus, Workflow

AGENT_FIELDS = (
    "id", "name", "type", "status", "current_task", "last_active", "capabilities", "connector",
    "status_reason", "last_error", "paused", "provenance", "signal_at",
)  # fmt: skip
RUN_FIELDS = (
    "id", "name", "status", "progress", "started_at", "completed_at", "created_at", "current_step",
    "number", "workflow__slug", "total_steps", "status_reason",
)  # fmt: skip
ALERT_FIELDS = ("id", "level", "message", "rule", "url", "state", "opened_at")


def midnight() -> str:
    """Where the day of the server's time zone began, as payloads write it."""
    return rfc3339(day_of(timezone.localtime()))


def load_board(project_id: UUID) -> tuple[Position, Board]:
    journal.position(project_id)  # makes the counter row, which a read-only transaction cannot
    with consistent_read():
        return journal.position(project_id), Board(
            midnight=midnight(),
            agents=_agents(project_id),
            runs=_runs(project_id),
            alerts=_alerts(project_id),
            counts=_counts(project_id),
            open_approvals=Approval.objects.filter(project=project_id, state=ApprovalState.OPEN).count(),
        )


def _agents(project_id: UUID) -> dict[str, Row]:
    rows = Agent.objects.filter(project=project_id).order_by().values(*AGENT_FIELDS)
    return _by_id(agent_row(_payload(row, "agent_id", {"type": "agent_type"})) for row in rows)


def _runs(project_id: UUID) -> dict[str, Row]:
    newest = Run.objects.filter(project=project_id).order_by("-created_at", "-id")
    rows = newest.values(*RUN_FIELDS)[:RUNS_KEPT]
    renamed = {"workflow__slug": "workflow"}
    return _by_id(run_row(_payload(row, "workflow_id", renamed)) for row in reversed(rows))


def _alerts(project_id: UUID) -> dict[str, Row]:
    rows = Alert.objects.filter(project=project_id, state=AlertState.OPEN).values(*ALERT_FIELDS)
    return _by_id(alert_row(_payload(row, "alert_id")) for row in rows)


def _counts(project_id: UUID) -> Counts:
    agents = Agent.objects.filter(project=project_id).order_by()
    runs = Run.objects.filter(project=project_id).order_by()
    since = day_of(timezone.localtime())
    return Counts(
        total_agents=agents.count(),
        active_agents=agents.exclude(status__in=INACTIVE).count(),
        # The newest number of each workflow: counting the rows would be a second for a million.
        total_workflows=Workflow.objects.filter(project=project_id).aggregate(n=Sum("run_count"))["n"] or 0,
        running_workflows=runs.filter(one_of("status", RUN_OPEN), status=RunStatus.RUNNING).count(),
        total_commands=Command.objects.filter(project=project_id).count(),
        # What is over has this moment, and nothing else: so the index alone is read.
        commands_executed_today=CommandRun.objects.filter(project=project_id, finished_at__gte=since).count(),
    )


def _payload(row: dict[str, Any], key: str, renamed: dict[str, str] | None = None) -> dict[str, Any]:
    """A database row in the words and formats of the event that tells of it."""
    names = {"id": key, **(renamed or {})}
    return {names.get(name, name): _wire(value) for name, value in row.items()}


def _wire(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return rfc3339(value) if hasattr(value, "tzinfo") else value


def _by_id(rows: Any) -> dict[str, Row]:
    return {row["id"]: row for row in rows}
