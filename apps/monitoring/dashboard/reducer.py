"""The dashboard as a plain value, and how each event changes it. No Django, no clock, no I/O.

The promise, tested for every verb: a board loaded before a change and moved by its events equals
a board loaded after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Payload = Mapping[str, Any]

RUNS_KEPT = 100
INACTIVE = frozenset({"offline", "paused"})
COMMAND_RUN_OVER = frozenset({"completed", "failed", "cancelled", "timed_out"})


def agent_row(payload: Payload) -> Row:
    """One element of `agents`; the first seven fields are promised to clients."""
    return {
        "id": payload["agent_id"],
        "name": payload["name"],
        "type": payload["agent_type"],
        "status": payload["status"],
        "current_task": payload["current_task"],
        "last_active": payload["last_active"],
        "capabilities": payload["capabilities"],
        "connector": payload["connector"],
        "status_reason": payload["status_reason"],
        "last_error": payload["last_error"],
        "paused": payload["paused"],
        "provenance": payload.get("provenance", ""),
        "signal_at": payload.get("signal_at"),
    }


def run_row(payload: Payload) -> Row:
    """One element of `workflows`. A run that has not started yet shows when it was asked for."""
    return {
        "id": payload["workflow_id"],
        "name": payload["name"],
        "status": payload["status"],
        "progress": payload["progress"],
        "started_at": payload["started_at"] or payload["created_at"],
        "completed_at": payload["completed_at"],
        "current_step": payload["current_step"],
        "number": payload["number"],
        "workflow": payload["workflow"],
        "total_steps": payload["total_steps"],
        "status_reason": payload["status_reason"],
    }


def alert_row(payload: Payload) -> Row:
    return {
        "id": payload["alert_id"],
        "level": payload["level"],
        "message": payload["message"],
        "rule": payload["rule"],
        "url": payload["url"],
        "state": payload["state"],
        "opened_at": payload["opened_at"],
    }


@dataclass(slots=True)
class Counts:
    total_agents: int = 0
    active_agents: int = 0
    total_workflows: int = 0
    running_workflows: int = 0
    total_commands: int = 0
    commands_executed_today: int = 0


@dataclass(slots=True)
class Board:
    """Agents by id, runs by id (oldest first, the newest hundred), open alerts by id, and counts.

    `midnight` is where the server's day began, as the RFC 3339 text that payloads use.
    """

    midnight: str
    agents: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    alerts: dict[str, Row] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    open_approvals: int = 0

    def apply(self, payload: Payload) -> str | None:
        """Take one event; gives the id of the row that changed, if one did."""
        match payload["type"]:
            case "agent_status_change":
                return self._agent(payload)
            case "agent_removed":
                return self._remove_agent(str(payload["agent_id"]))
            case "workflow_update":
                return self._run(payload)
            case "system_alert":
                return self._alert(payload)
            case "command_run_update":
                self._command_run(payload)
            case "approval_update":
                self.open_approvals = payload["open_approvals"]
            case "catalogue_change":
                self.counts.total_commands = payload["total_commands"]
        return None

    def new_day(self, midnight: str) -> None:
        if midnight != self.midnight:
            self.midnight = midnight
            self.counts.commands_executed_today = 0

    def _agent(self, payload: Payload) -> str:
        row = agent_row(payload)
        self._count_agent(self.agents.get(row["id"]), -1)
        self._count_agent(row, +1)
        self.agents[row["id"]] = row
        return str(row["id"])

    def _remove_agent(self, agent_id: str) -> str:
        self._count_agent(self.agents.pop(agent_id, None), -1)
        return agent_id

    def _count_agent(self, row: Row | None, change: int) -> None:
        if row is not None:
            self.counts.total_agents += change
            self.counts.active_agents += change * (row["status"] not in INACTIVE)

    def _run(self, payload: Payload) -> str:
        """A run whose row is held counts by that row: events merged for a slow client tell of a
        change that may have begun before the client's snapshot."""
        row = run_row(payload)
        held = self.runs.get(row["id"])
        before = held["status"] if held else payload["previous_status"]
        if before is None:
            self.counts.total_workflows += 1
        self.counts.running_workflows += (row["status"] == "running") - (before == "running")
        if held or before is None:
            self.runs[row["id"]] = row
        if len(self.runs) > RUNS_KEPT:
            del self.runs[next(iter(self.runs))]
        return str(row["id"])

    def _alert(self, payload: Payload) -> str:
        row = alert_row(payload)
        if row["state"] == "open":
            self.alerts[row["id"]] = row
        else:
            self.alerts.pop(row["id"], None)
        return str(row["id"])

    def _command_run(self, payload: Payload) -> None:
        over = payload["status"] in COMMAND_RUN_OVER
        was_over = payload["previous_status"] in COMMAND_RUN_OVER
        if over and not was_over and _is_since(payload["finished_at"], self.midnight):
            self.counts.commands_executed_today += 1


def _is_since(moment: str | None, since: str) -> bool:
    """Both are UTC with microseconds and `Z`, so text order is time order."""
    return moment is not None and moment >= since


def day_of(now: datetime) -> datetime:
    """Midnight of `now`'s day in `now`'s own time zone."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
