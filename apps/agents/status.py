"""An agent's status, derived from its live rows. Nothing else writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from apps.agents import unanswered
from apps.agents.models import LIVE, Agent, AgentStatus, CommandRun, Connector, Provenance, RunStatus
from apps.agents.record import record_agent
from apps.events import bulk
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.events.prepared import prepared

SHOWN = ("status", "status_reason", "current_task", "last_active", "last_error", "paused", "revision")
# Of what a pull agent said, or was said to do.
WHENCE = {
    Provenance.EVENT: "as its telemetry told",
    Provenance.INFERRED: "as its telemetry lets it be concluded",
}


class AtWork(NamedTuple):
    """What an agent is at: the title of the newest, and until when its leases last."""

    title: str
    until: datetime


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
    agents = _locked(touched)
    working = at_work([agent.pk for agent in agents])
    moment = change.moment()
    changed = []
    for agent in agents:
        touch = touched[agent.pk]
        before = _shown(agent)
        if touch.last_error is not None:
            agent.last_error = touch.last_error
        if touch.active:
            agent.last_active = moment
        derive(agent, working.get(agent.pk), moment)
        agent.revision += 1
        if touch.active or before != _shown(agent):  # `last_active` is on the screen too
            changed.append(agent)
    bulk.write(agents, *SHOWN)
    for agent in changed:
        record_agent(change, "agent.changed", agent)
    return agents


@prepared
def _locked(agent_ids: Collection[UUID]) -> QuerySet[Agent]:
    # no_key: a command run that names the agent may be inserted meanwhile, by somebody who holds a
    # lock that the holder of this one waits for. In the order of ids, so that two changes that touch
    # the same agents do not wait for each other.
    return Agent.objects.select_for_update(no_key=True).filter(pk__in=agent_ids).order_by("pk")


def at_hand(agent_ids: Iterable[UUID | None]) -> set[UUID | None]:
    """Those of the agents that could be locked without waiting; no agent is free always."""
    return {None, *_free({pk for pk in agent_ids if pk})}


@prepared
def _free(agent_ids: Collection[UUID]) -> QuerySet[Agent, UUID]:
    rows = Agent.objects.select_for_update(
        no_key=True, skip_locked=connection.features.has_select_for_update_skip_locked
    )
    return rows.filter(pk__in=agent_ids).order_by("pk").values_list("pk", flat=True)


def at_work(agent_ids: Collection[UUID]) -> dict[UUID, AtWork]:
    """Those of the agents that have running command runs, with the newest of each."""
    found: dict[UUID, AtWork] = {}
    for agent_id, title, until in _running_of(agent_ids):
        if agent_id is not None and until is not None:
            before = found.get(agent_id)
            found[agent_id] = AtWork(title, max(before.until, until) if before else until)
    return found


@prepared
def _running_of(
    agent_ids: Collection[UUID],
) -> QuerySet[CommandRun, tuple[UUID | None, str, datetime | None]]:
    running = CommandRun.objects.filter(
        one_of("status", LIVE), agent_id__in=agent_ids, status=RunStatus.RUNNING
    )
    return running.order_by("started_at").values_list("agent_id", "title", "lease_expires_at")


def derive(agent: Agent, work: AtWork | None, moment: datetime) -> None:
    """Write into the agent what it shows, of the work that it has; no query but for one that works and
    waits for people."""
    agent.status, agent.status_reason = _status(agent, work, moment)
    asks = agent.status == AgentStatus.BUSY and agent.said_status == AgentStatus.WAITING
    if asks and (why := unanswered.reason(agent.pk)):
        agent.status, agent.status_reason = AgentStatus.WAITING, why[:200]
    if work is not None:
        agent.current_task = work.title
    elif agent.connector != Connector.PULL or not agent.said_status or agent.status == AgentStatus.OFFLINE:
        agent.current_task = None


def _shown(agent: Agent) -> tuple[object, ...]:
    return (agent.status, agent.current_task, agent.status_reason, agent.last_error, agent.paused)


def _status(agent: Agent, work: AtWork | None, moment: datetime) -> tuple[AgentStatus, str]:
    if agent.paused:
        return AgentStatus.PAUSED, "paused; takes no new work" + (" and finishes what it has" if work else "")
    if agent.connector == Connector.PULL:
        if _is_silent(agent, moment) and not (work and work.until > moment):
            return AgentStatus.OFFLINE, "no signal from the agent"
        if not work and agent.said_status in AgentStatus.values:
            whence = WHENCE.get(Provenance(agent.provenance or Provenance.LIVE), "as the agent said")
            return AgentStatus(agent.said_status), whence
    if work:
        return AgentStatus.BUSY, ""
    if agent.last_error:
        return AgentStatus.ERROR, "its last work failed"
    return AgentStatus.IDLE, ""


def _is_silent(agent: Agent, moment: datetime) -> bool:
    """Whether it was not heard of for too long. Who holds a lease may think for as long as that lasts."""
    since = moment - timedelta(seconds=settings.MC.offline_seconds)
    return agent.heartbeat_at is None or agent.heartbeat_at < since
