"""An agent's status, derived from its live rows. Nothing else writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.agents.models import LIVE, Agent, AgentStatus, CommandRun, Connector, RunStatus
from apps.agents.record import record_agent
from apps.events import bulk
from apps.events.conditions import one_of
from apps.events.journal import Change

SHOWN = ("status", "status_reason", "current_task", "last_active", "last_error", "paused", "revision")


@dataclass(slots=True)
class _Touch:
    """What a change did to an agent: whether it was active itself, and its new last error, if any."""

    active: bool = False
    last_error: str | None = None


def touch_agent(
    change: Change, agent_id: UUID, *, active: bool = True, last_error: str | None = None
) -> None:
    """Have the agent's status derived anew when the change's own rows are written, once for all that
    happened to it. As `refresh_agent` otherwise."""
    touch = change.gathered(_refresh).setdefault(agent_id, _Touch())
    touch.active = touch.active or active
    touch.last_error = touch.last_error if last_error is None else last_error


def refresh_agent(
    change: Change, agent_id: UUID, *, active: bool = True, last_error: str | None = None
) -> Agent | None:
    """Derive the agent's status and current task from its live rows; journal it when anything
    that is shown changed.

    `active` says that the agent itself just did something; `last_error` replaces the old one.
    """
    found = _refresh(change, {agent_id: _Touch(active, last_error)})
    return found[0] if found else None


def _refresh(change: Change, touched: Mapping[UUID, _Touch]) -> list[Agent]:
    """The same for many agents in three statements."""
    # no_key: a command run that names the agent may be inserted meanwhile, by somebody who holds a
    # lock that the holder of this one waits for. In the order of ids, so that two changes that touch
    # the same agents do not wait for each other.
    rows = Agent.objects.select_for_update(no_key=True).filter(pk__in=list(touched)).order_by("pk")
    agents = list(rows)
    titles = _titles([agent.pk for agent in agents])
    moment = change.moment()
    changed = []
    for agent in agents:
        touch = touched[agent.pk]
        before = _shown(agent)
        if touch.last_error is not None:
            agent.last_error = touch.last_error
        if touch.active:
            agent.last_active = moment
        _derive(agent, titles.get(agent.pk), moment - _silence())
        agent.revision += 1
        if touch.active or before != _shown(agent):  # `last_active` is on the screen too
            changed.append(agent)
    bulk.write(agents, *SHOWN)
    for agent in changed:
        record_agent(change, "agent.changed", agent)
    return agents


def _titles(agent_ids: list[UUID]) -> dict[UUID | None, str]:
    """What each of the agents began last of what it is at."""
    running = CommandRun.objects.filter(
        one_of("status", LIVE), agent_id__in=agent_ids, status=RunStatus.RUNNING
    )
    return dict(running.order_by("started_at").values_list("agent_id", "title"))


def _derive(agent: Agent, title: str | None, silent_since: datetime) -> None:
    agent.status, agent.status_reason = _status(agent, title is not None, silent_since)
    if title is not None:
        agent.current_task = title
    elif agent.connector != Connector.PULL or not agent.said_status or agent.status == AgentStatus.OFFLINE:
        agent.current_task = None


def _shown(agent: Agent) -> tuple[object, ...]:
    return (agent.status, agent.current_task, agent.status_reason, agent.last_error, agent.paused)


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
