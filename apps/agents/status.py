"""An agent's status, derived from its live rows. Nothing else writes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.agents.models import LIVE, Agent, AgentStatus, CommandRun, Connector, RunStatus
from apps.agents.record import record_agent
from apps.events.conditions import one_of
from apps.events.journal import Change


def refresh_agent(
    change: Change, agent_id: UUID, *, active: bool = True, last_error: str | None = None
) -> Agent | None:
    """Derive the agent's status and current task from its live rows; journal it when anything
    that is shown changed.

    `active` says that the agent itself just did something; `last_error` replaces the old one.
    """
    # no_key: a command run that names the agent may be inserted meanwhile, by somebody who holds a
    # lock that the holder of this one waits for.
    agent = Agent.objects.select_for_update(no_key=True).filter(pk=agent_id).first()
    if agent is None:
        return None
    before = (agent.status, agent.current_task, agent.status_reason, agent.last_error, agent.paused)
    moment = change.moment()
    if last_error is not None:
        agent.last_error = last_error
    if active:
        agent.last_active = moment
    titles = list(
        CommandRun.objects.filter(one_of("status", LIVE), agent_id=agent_id, status=RunStatus.RUNNING)
        .order_by("-started_at")
        .values_list("title", flat=True)[:2]
    )
    agent.status, agent.status_reason = _status(agent, bool(titles), moment - _silence())
    if titles:
        agent.current_task = titles[0]
    elif agent.connector != Connector.PULL or not agent.said_status or agent.status == AgentStatus.OFFLINE:
        agent.current_task = None
    agent.revision += 1
    agent.save(
        update_fields=[
            "status",
            "status_reason",
            "current_task",
            "last_active",
            "last_error",
            "paused",
            "revision",
        ]
    )
    after = (agent.status, agent.current_task, agent.status_reason, agent.last_error, agent.paused)
    if active or before != after:  # `last_active` is on the screen too
        record_agent(change, "agent.changed", agent)
    return agent


def _silence() -> timedelta:
    return timedelta(seconds=settings.MC.offline_seconds)


def _status(agent: Agent, working: bool, silent_since: datetime) -> tuple[AgentStatus, str]:
    if agent.paused:
        return AgentStatus.PAUSED, "paused; takes no new work" + (
            " and finishes what it has" if working else ""
        )
    if agent.connector == Connector.PULL:
        if agent.heartbeat_at is None or agent.heartbeat_at < silent_since:
            return AgentStatus.OFFLINE, "no signal from the agent"
        if not working and agent.said_status in AgentStatus.values:
            return AgentStatus(agent.said_status), "as the agent said"
    if working:
        return AgentStatus.BUSY, ""
    if agent.last_error:
        return AgentStatus.ERROR, "its last work failed"
    return AgentStatus.IDLE, ""
