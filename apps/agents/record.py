"""Puts agents and command runs, as they now are, into the journal of an open change."""

from __future__ import annotations

from apps.agents.events import AgentChanged, CommandRunChanged
from apps.agents.models import Agent, CommandRun
from apps.events.journal import Change


def record_run(change: Change, kind: str, run: CommandRun, *, previous: str | None) -> None:
    """Put the command run, as it now is, into the journal."""
    change.record(
        kind,
        CommandRunChanged(
            command_run_id=run.pk,
            agent_id=run.agent_id,
            agent_name=run.agent.name if run.agent else None,
            command=run.command.name if run.command else None,
            work_kind=run.kind,
            title=run.title,
            status=run.status,
            previous_status=previous,
            attempt=run.attempt,
            wait_reason=run.wait_reason,
            error_code=run.error_code,
            progress=run.progress,
            priority=run.priority,
            run_id=run.run_id,
            step_id=run.step_id,
            queued_at=run.queued_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            model=run.model,
            demo=run.demo,
        ),
    )


def record_agent(change: Change, kind: str, agent: Agent) -> None:
    """Put the agent, as it now is, into the journal."""
    change.record(
        kind,
        AgentChanged(
            agent_id=agent.pk,
            status=agent.status,
            current_task=agent.current_task,
            name=agent.name,
            agent_type=agent.type,
            capabilities=list(agent.capabilities),
            connector=agent.connector,
            last_active=agent.last_active,
            last_error=agent.last_error,
            status_reason=agent.status_reason,
            paused=agent.paused,
            provenance=agent.provenance,
            signal_at=agent.signal_at,
            is_new=kind == "agent.added",
        ),
    )
