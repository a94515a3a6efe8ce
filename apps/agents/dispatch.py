"""T2: hand ready command runs to free agents, by priority then age, and tell Celery.

What may run is decided in SQL under one lock per project, so that priority, pause and limits
stay true with any number of processes. The Celery message is a hint published after commit by
a thread of its own: a broker that is away or hangs delays nobody, and the repair loop publishes
again what nobody claimed.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from celery import current_app
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.agents import holds, wakeups
from apps.agents.models import LIVE, Agent, CommandRun, Connector, Hold, HoldScope, RunStatus, Worker
from apps.agents.record import record_run
from apps.events import journal
from apps.events.clock import now
from apps.events.failpoints import fail_point

logger = logging.getLogger(__name__)

TASK = "agents.execute"
BATCH = 100
# Twice the slots keeps every worker busy while priority and pause still decide about the rest.
OUTSTANDING_PER_SLOT = 2
BROKER_ERRORS = (OSError, OperationalError, RedisError)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One command run that was given to an agent; `by_worker` ones need a Celery message."""

    command_run_id: UUID
    dispatch_id: UUID
    agent_id: UUID
    by_worker: bool


@dataclass(slots=True)
class _Free:
    """Agents with room and their remaining room, for one dispatch."""

    agents: dict[UUID, Agent]
    room: dict[UUID, int]

    def take(self, run: CommandRun, worker_room: int) -> Agent | None:
        """The agent that was idle longest of those who may do `run`, or None."""
        candidates = (
            [self.agents[run.wanted_agent_id]]
            if run.wanted_agent_id in self.agents
            else []
            if run.wanted_agent_id
            else [a for a in self.agents.values() if run.capability in a.capabilities]
        )
        usable = [
            agent
            for agent in candidates
            if self.room[agent.pk] > 0 and (agent.connector == Connector.PULL or worker_room > 0)
        ]
        if not usable:
            return None
        best = min(usable, key=lambda agent: (-self.room[agent.pk], agent.last_active))
        self.room[best.pk] -= 1
        return best


def dispatch_ready(project_id: UUID) -> list[Dispatched]:
    """Dispatch what is ready in one project; returns what must be told to workers or agents."""
    ready = CommandRun.objects.filter(
        project_id=project_id, status=RunStatus.QUEUED, available_at__lte=timezone.now()
    )
    if not ready.exclude(holds.COMMAND_RUNS.held()).exists():
        return []
    given: list[Dispatched] = []
    with journal.changes(project_id) as change:
        holds.lock(project_id)
        free = _free_agents(project_id)
        slots = Worker.objects.slots()
        outstanding = (
            CommandRun.objects.filter(status__in=LIVE).exclude(agent__connector=Connector.PULL).count()
        )
        worker_room = slots * OUTSTANDING_PER_SLOT - outstanding
        moment = now()
        for run in _queue(project_id, free, moment):
            agent = free.take(run, worker_room)
            if agent is None:
                continue
            by_worker = agent.connector != Connector.PULL
            worker_room -= by_worker
            run.agent = agent
            run.status = RunStatus.DISPATCHED
            run.dispatch_id = uuid4()
            run.dispatched_at = moment
            run.wait_reason = (
                "waiting for a worker" if by_worker else f"waiting for {agent.name} to ask for work"
            )
            run.wait_reason = run.wait_reason[:200]
            run.save(update_fields=["agent", "status", "dispatch_id", "dispatched_at", "wait_reason"])
            record_run(change, "command_run.dispatched", run, previous=RunStatus.QUEUED)
            given.append(Dispatched(run.pk, run.dispatch_id, agent.pk, by_worker))
    return given


def _free_agents(project_id: UUID) -> _Free:
    agents = {
        agent.pk: agent
        for agent in Agent.objects.filter(project_id=project_id, paused=False)
        .exclude(status="offline")
        .only("id", "name", "capabilities", "connector", "max_parallel", "last_active")
    }
    live = (
        CommandRun.objects.filter(project_id=project_id, status__in=LIVE)
        .values("agent_id")
        .annotate(n=Count("id"))
    )
    busy = {row["agent_id"]: row["n"] for row in live}
    room = {pk: agent.max_parallel - busy.get(pk, 0) for pk, agent in agents.items()}
    return _Free({pk: a for pk, a in agents.items() if room[pk] > 0}, room)


def _queue(project_id: UUID, free: _Free, moment: datetime) -> Iterable[CommandRun]:
    """Ready rows that some free agent could take; the others cannot hide them."""
    capabilities = {capability for agent in free.agents.values() for capability in agent.capabilities}
    return (
        CommandRun.objects.select_for_update(
            of=("self",), skip_locked=connection.features.has_select_for_update_skip_locked
        )
        .select_related("command")
        .filter(project_id=project_id, status=RunStatus.QUEUED, available_at__lte=moment)
        .filter(
            Q(wanted_agent_id__in=list(free.agents))
            | Q(wanted_agent__isnull=True, capability__in=capabilities)
        )
        .exclude(holds.COMMAND_RUNS.held())
        .order_by("-priority", "queued_at")[:BATCH]
    )


def explain_waiting(project_id: UUID) -> int:
    """Write down why each queued row still waits; returns how many reasons changed."""
    queued = CommandRun.objects.filter(project_id=project_id, status=RunStatus.QUEUED)
    changed = 0
    for hold in sorted(Hold.objects.filter(project_id=project_id), key=_widest_first):
        covered = holds.COMMAND_RUNS.covered_by(hold)
        changed += _say(project_id, queued.filter(covered), str(hold))
        queued = queued.exclude(covered)
    queued = queued.filter(available_at__lte=timezone.now())
    groups: list[tuple[str, UUID | None]] = list(
        queued.values_list("capability", "wanted_agent_id").distinct()[:500]
    )
    if not groups:
        return changed
    agents = list(Agent.objects.filter(project_id=project_id))
    workers = Worker.objects.live().exists()
    for capability, wanted in groups:
        reason = _reason(
            [a for a in agents if (capability in a.capabilities if wanted is None else a.pk == wanted)],
            capability,
            workers,
        )
        rows = queued.filter(capability=capability, wanted_agent_id=wanted)
        changed += _say(project_id, rows, reason)
    return changed


def explain_resumed(project_id: UUID) -> int:
    """What said that it is paused, and is not any more, waits to be dispatched."""
    paused = [f"{scope} is paused" for scope in HoldScope.values]
    rows = CommandRun.objects.filter(project_id=project_id, status=RunStatus.QUEUED, wait_reason__in=paused)
    return _say(project_id, rows.exclude(holds.COMMAND_RUNS.held()), "waiting to be dispatched")


def _widest_first(hold: Hold) -> int:
    return HoldScope.values.index(hold.scope)


def _say(project_id: UUID, rows: QuerySet[CommandRun], reason: str) -> int:
    """Give the rows their reason. A row that somebody else has in hand is explained next time."""
    changed = 0
    with journal.changes(project_id) as change:
        skip = connection.features.has_select_for_update_skip_locked
        others = rows.exclude(wait_reason=reason).select_related("command")
        for run in others.select_for_update(of=("self",), skip_locked=skip)[:BATCH]:
            run.wait_reason = reason
            run.save(update_fields=["wait_reason"])
            record_run(change, "command_run.waiting", run, previous=run.status)
            changed += 1
    return changed


def _reason(candidates: list[Agent], capability: str, workers: bool) -> str:
    if not candidates:
        return f"no agent has the capability {capability}"[:200]
    names = candidates[0].name if len(candidates) == 1 else f"all {len(candidates)} agents that can do it"
    verb = "is" if len(candidates) == 1 else "are"
    states: Counter[str] = Counter(
        "paused" if a.paused else "offline" if a.status == "offline" else "busy" for a in candidates
    )
    usable = [a for a in candidates if not a.paused and a.status != "offline"]
    if usable and not workers and all(a.connector != Connector.PULL for a in usable):
        return "no live worker"
    if len(states) == 1:
        return f"{names} {verb} {next(iter(states))}"[:200]
    said = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"no agent is free ({said})"


def publish(given: Iterable[Dispatched]) -> None:
    """Send the Celery messages. A broker's failure is logged and left to the repair loop."""
    for one in given:
        if not one.by_worker:
            wakeups.ring(one.agent_id)
            continue
        try:
            fail_point("dispatch.publish:before", OperationalError)
            current_app.send_task(
                TASK, args=[str(one.command_run_id), str(one.dispatch_id)], retry=False, ignore_result=True
            )
            fail_point("dispatch.publish:after", OperationalError)
        except BROKER_ERRORS as error:
            logger.warning(
                "the broker took no message; the repair loop publishes again", extra={"error": repr(error)}
            )
            return


class Dispatcher:
    """The thread that dispatches and publishes after commits, one per process."""

    def __init__(self) -> None:
        self._wanted: set[UUID] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        with self._wake:
            if self._thread is None:
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        with self._wake:
            thread, self._thread, self._stopping = self._thread, None, True
            self._wake.notify_all()
        if thread:
            thread.join(timeout=5)

    def poke(self, project_id: UUID) -> None:
        """Have the project looked at soon. Without a started thread the repair loop does it."""
        with self._wake:
            if self._thread is not None:
                self._wanted.add(project_id)
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted or self._stopping)
                if self._stopping:
                    return
                project_id = self._wanted.pop()
            try:
                given = dispatch_ready(project_id)
                publish(given)
                if len(given) == BATCH:
                    self.poke(project_id)
            except DatabaseError:
                logger.warning("dispatch failed; the repair loop tries again", exc_info=True)
            finally:
                close_old_connections()


_dispatcher = Dispatcher()
start, stop, poke = _dispatcher.start, _dispatcher.stop, _dispatcher.poke


def waiting_projects() -> list[UUID]:
    """Projects with due, queued work."""
    return list(
        CommandRun.objects.filter(status=RunStatus.QUEUED, available_at__lte=timezone.now())
        .order_by()
        .values_list("project_id", flat=True)
        .distinct()
    )
