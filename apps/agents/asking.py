"""Agents that wait for people: how that shows on an agent, whoever keeps the questions.

An upper app knows what is asked; it teaches this one how to look, so that an agent's own words ("busy")
do not hide that somebody must answer it.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from apps.agents.models import Agent, AgentStatus
from apps.agents.record import record_agent
from apps.agents.status import refresh_agent
from apps.events.journal import Change

Look = Callable[[UUID], str]

_looks: list[Look] = []


def teach(look: Look) -> None:
    """Have `look(agent_id)` asked for what an agent waits; it answers with an empty text for nothing."""
    if look not in _looks:
        _looks.append(look)


def reason(agent_id: UUID) -> str:
    """What the agent waits for people to say; empty when it waits for nobody."""
    return next((said for look in _looks if (said := look(agent_id))), "")


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
