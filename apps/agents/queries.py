"""Reads of agents and command runs as plain rows: one query a list, never one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from apps.agents import handed_over
from apps.agents.connectors.model import describe_model
from apps.agents.models import LIVE, Agent, Command, CommandRun, CommandRunData, Connector, RunStatus
from apps.events.clock import now
from apps.events.conditions import one_of

AGENTS_LISTED = 10_000
FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)


def agent_row(agent: Agent) -> dict[str, Any]:
    """An agent as lists show it."""
    row = {
        name: getattr(agent, name)
        for name in (
            "id", "name", "slug", "type", "description", "capabilities", "connector", "status",
            "status_reason", "current_task", "last_active", "last_error", "paused",
            "provenance", "signal_at", "external_id", "facts",
        )
    }  # fmt: skip
    if agent.connector != Connector.LLM:
        return row | {"model": "", "demo": False}
    model = describe_model(agent.model or None)
    return row | {"model": model.name, "demo": model.demo}


def agent_detail(agent: Agent) -> dict[str, Any]:
    """An agent with its last 24 hours and what it does now."""
    day = CommandRun.objects.filter(agent=agent, finished_at__gte=now() - timedelta(hours=24)).order_by()
    counts = day.aggregate(
        completed_24h=Count("id", filter=Q(status=RunStatus.COMPLETED)),
        failed_24h=Count("id", filter=Q(status__in=FAILED)),
        input=Sum("input_tokens"),
        output=Sum("output_tokens"),
    )
    current = (
        CommandRun.objects.filter(one_of("status", LIVE), agent=agent, status=RunStatus.RUNNING)
        .select_related("command", "agent")
        .order_by("-started_at")
        .first()
    )
    return agent_row(agent) | {
        "instructions": agent.instructions,
        "max_parallel": agent.max_parallel,
        "counts": {"completed_24h": counts["completed_24h"], "failed_24h": counts["failed_24h"]},
        "tokens_24h": {"input": counts["input"], "output": counts["output"]},
        "current_command_run": command_run_row(current) if current else None,
    }


def command_runs(project_id: UUID) -> QuerySet[CommandRun]:
    """The project's command runs with what a row of a list needs."""
    return CommandRun.objects.filter(project_id=project_id).select_related("command", "agent")


def command_run_row(run: CommandRun) -> dict[str, Any]:
    """A command run as lists show it; `command` and `agent` are loaded with it."""
    agent = run.agent
    return {
        "id": run.pk,
        "kind": run.kind,
        "command": run.command.name if run.command else None,
        "title": run.title,
        "agent": {"id": agent.pk, "name": agent.name, "type": agent.type} if agent else None,
        "status": run.status,
        "wait_reason": run.wait_reason,
        "priority": run.priority,
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "progress": run.progress,
        "message": run.message,
        "error_code": run.error_code,
        "tokens": {"input": run.input_tokens, "output": run.output_tokens},
        "cost_usd": None if run.cost_usd is None else float(run.cost_usd),
        "model": run.model,
        "demo": run.demo,
        "run_id": run.run_id,
        "step_id": run.step_id,
        "requested_by": run.requested_by,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def command_run_detail(run: CommandRun) -> dict[str, Any]:
    """A command run with its input, output and attempts."""
    data = CommandRunData.objects.filter(pk=run.pk).first() or CommandRunData(command_run=run)
    attempts = run.attempts.order_by("-fence").values(
        "number", "fence", "worker", "started_at", "ended_at", "outcome", "error"
    )
    newest = list(attempts[:100])
    waits = run.status in (RunStatus.QUEUED, RunStatus.DISPATCHED)
    failed = run.error_code or data.error
    return command_run_row(run) | {
        "fence": run.fence,
        "lost_count": run.lost_count,
        "dispatch_count": run.dispatch_count,
        "dispatched_at": run.dispatched_at,
        "gives_up_at": run.gives_up_at if waits else None,
        "timeout_at": run.timeout_at,
        "heartbeat_at": run.heartbeat_at,
        "lease_expires_at": run.lease_expires_at,
        "holder": _holder(run, newest),
        "input": data.input,
        "output": data.output,
        "error": {"code": run.error_code, "message": data.error} if failed else None,
        "text": data.text,
        "attempts": newest[::-1],
    }


def _holder(run: CommandRun, attempts: Sequence[Mapping[str, Any]]) -> str:
    """Who holds the lease; attempts are the newest first, and know the worker that began them."""
    if run.agent is not None and handed_over.is_handed_over(run):
        return run.agent.name
    return attempts[0]["worker"] if run.status == RunStatus.RUNNING and attempts else ""


def command_rows(project_id: UUID, commands: list[Command]) -> list[dict[str, Any]]:
    """Catalogue entries with the agents that can do them."""
    able: dict[str, list[dict[str, Any]]] = {}
    agents = Agent.objects.filter(project_id=project_id).values("id", "name", "type", "capabilities")
    wanted = {command.capability for command in commands}
    for agent in agents.order_by("name")[:AGENTS_LISTED]:
        brief = {"id": agent["id"], "name": agent["name"], "type": agent["type"]}
        for capability in wanted.intersection(agent["capabilities"]):
            able.setdefault(capability, []).append(brief)
    return [command_row(command, able.get(command.capability, [])) for command in commands]


def command_row(command: Command, agents: list[dict[str, Any]]) -> dict[str, Any]:
    fields = (
        "name", "title", "description", "capability", "parameters", "prompt", "timeout_seconds",
        "max_attempts",
    )  # fmt: skip
    return {name: getattr(command, name) for name in fields} | {"agents": agents}
