"""Agents that wait for people: how that shows on an agent, whoever keeps the questions.

An agent's own words ("busy") do not hide that somebody must answer it; `unanswered` knows for what.
"""

from __future__ import annotations

from uuid import UUID

from apps.agents.models import Agent, AgentStatus
from apps.agents.record import record_agent
from apps.agents.status import refresh_agent
from apps.agents.unanswered import reason, teach
from apps.events.journal import Change

__all__ = ["is_waiting", "reason", "show", "teach"]


def is_waiting(agent: Agent) -> bool:
    """Whether somebody must answer the agent; no query for one that does not show it."""
    return agent.said_status == AgentStatus.WAITING and bool(reason(agent.pk))


def show(change: Change, agent_id: UUID) -> Agent | None:
    """Let the agent show what it waits for, or that it waits no more. Locks the agent."""
    agent = Agent.objects.select_for_update(no_key=True).filter(pk=agent_id).first()
    if agent is None:
        return None
    said = reason(agent_id)
    if not said:
        Agent.objects.filter(pk=agent_id, said_status=AgentStatus.WAITING).update(said_status="")
        return refresh_agent(change, agent_id, active=False)
    agent.said_status = AgentStatus.WAITING
    if not agent.paused and agent.status != AgentStatus.OFFLINE:
        agent.status, agent.status_reason = AgentStatus.WAITING, said[:200]
    agent.revision += 1
    agent.save(update_fields=["said_status", "status", "status_reason", "revision"])
    record_agent(change, "agent.changed", agent)
    return agent
