"""Who may take work of a project, and how much of it: its agents, the workers, its own limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.agents import lanes
from apps.agents.lanes import AtWork, Waiting
from apps.agents.models import Agent, Connector, Worker
from apps.events.prepared import prepared

# Twice the slots keeps every worker busy while priority and pause still decide about the rest.
OUTSTANDING_PER_SLOT = 2
UNLIMITED = 1_000_000


@dataclass(slots=True)
class Places:
    """Who may take work, and how much of it, during one dispatch."""

    agents: dict[UUID, Agent]
    room: dict[UUID, int]  # of each agent
    workers: int  # command runs that workers may be given
    project: int  # command runs that the project may have at work
    shares: Counter[str]  # at work, by share
    _takers: dict[str, list[UUID]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pk, agent in self.agents.items():
            for lane in {lanes.of_agent(pk), *agent.capabilities}:
                self._takers.setdefault(lane, []).append(pk)

    def of(self, lane: str) -> int:
        """How much of a lane could be taken now."""
        if lane == lanes.WORKERS:
            return max(0, min(self.workers, self.project))
        usable = [pk for pk in self._takers.get(lane, ()) if self._is_free(pk)]
        return max(0, min(sum(self.room[pk] for pk in usable), self.project))

    def take(self, one: Waiting) -> Agent | None:
        """The agent that was idle longest of those who may do it; None for work of no agent.

        Raises LookupError when nobody is free for it.
        """
        by_worker = one.lane == lanes.WORKERS
        free = [] if by_worker else [pk for pk in self._takers.get(one.lane, ()) if self._is_free(pk)]
        if self.project <= 0 or (self.workers <= 0 if by_worker else not free):
            raise LookupError(one.lane)
        self.project -= 1
        self.shares[one.share] += 1
        if by_worker:
            self.workers -= 1
            return None
        best = min(free, key=lambda pk: (-self.room[pk], self.agents[pk].last_active))
        self.room[best] -= 1
        self.workers -= is_by_worker(self.agents[best])
        return self.agents[best]

    def _is_free(self, pk: UUID) -> bool:
        return self.room[pk] > 0 and (self.workers > 0 or not is_by_worker(self.agents[pk]))


def room_of(
    project_id: UUID, limit: int | None, workers: int | None, most_agents: int | None
) -> Places | None:
    agents = {agent.pk: agent for agent in _present(project_id, most_agents and most_agents + 1)}
    if most_agents is not None and len(agents) > most_agents:
        return None
    live = lanes.at_work()
    busy: Counter[UUID | None] = Counter()
    shares: Counter[str] = Counter()
    for one in live:
        if one.project_id == project_id:
            busy[one.agent_id] += one.count
            shares[one.share] += one.count
    left = worker_places() - at_workers(live).total()
    return Places(
        agents,
        {pk: agent.max_parallel - busy[pk] for pk, agent in agents.items()},
        workers=left if workers is None else min(left, workers),
        project=UNLIMITED if limit is None else max(0, limit - busy.total()),
        shares=shares,
    )


@prepared
def _present(project_id: UUID, most: int | None) -> QuerySet[Agent]:
    present = Agent.objects.filter(project_id=project_id, paused=False).exclude(status="offline")
    return present.only("id", "name", "capabilities", "connector", "max_parallel", "last_active")[:most]


def worker_places() -> int:
    return sum(_slots(Worker.live_since())) * OUTSTANDING_PER_SLOT


@prepared
def _slots(since: datetime) -> QuerySet[Worker, int]:
    return Worker.objects.live(since).values_list("slots", flat=True)


def at_workers(live: Iterable[AtWork]) -> Counter[UUID]:
    """What workers have, or were told of, by project."""
    found: Counter[UUID] = Counter()
    for one in live:
        if one.by_worker:
            found[one.project_id] += one.count
    return found


def is_by_worker(agent: Agent) -> bool:
    return agent.connector != Connector.PULL
