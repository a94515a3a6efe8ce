"""What the engine loop does for command runs: everything a lost message or a dead worker left.

Every function may run in any number of processes at once; each row is changed by the verb that
wins its compare-and-swap. Nothing here needs the broker.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.agents import dispatch, explain, handed_over, holds, overdue
from apps.agents.dispatch import Dispatched
from apps.agents.models import (
    LIVE,
    UNCLAIMED,
    Agent,
    AgentStatus,
    CommandRun,
    Connector,
    RunStatus,
    Worker,
)
from apps.agents.status import refresh_agent
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.failpoints import fail_point
from apps.events.prepared import prepared

LIMIT = 200
UNCLAIMED_SECONDS = 30
UNCLAIMED_MOST_SECONDS = 300
# With a free slot and nothing claimed for this long, the message is taken for lost.
IDLE_UNCLAIMED_SECONDS = 3
FORGET_WORKERS_AFTER = timedelta(hours=1)
IS_LIVE = one_of("status", LIVE)
_ANY_OPEN = """
SELECT EXISTS (SELECT 1 FROM agents_commandrun WHERE status IN ('queued', 'dispatched')
        AND gives_up_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM agents_commandrun WHERE status IN ('dispatched', 'running'))
"""


def tick() -> int:
    """One round of repair and dispatch; returns how many rows were moved."""
    moment = now()
    silent = mark_silent_agents(moment)
    return silent + _repair_work(moment) if is_any_open() else silent


def is_any_open() -> bool:
    """Whether any command run is not over: without one there is nothing to repair. Two looks at the
    partial indexes of such rows."""
    with connection.cursor() as cursor:
        cursor.execute(_ANY_OPEN)
        return bool(cursor.fetchone()[0])


def _repair_work(moment: datetime) -> int:
    moved = _each(_running("lease_expires_at", moment), lambda pk: overdue.take_back(pk, at=moment))
    moved += _each(_running("timeout_at", moment), lambda pk: overdue.time_out(pk, at=moment))
    moved += _each(_cancelled_elsewhere(), overdue.end_handed_over)
    grace = moment - timedelta(seconds=overdue.CANCEL_GRACE_SECONDS)
    moved += _each(_running("cancel_requested_at", grace), lambda pk: overdue.end_cancelled(pk, at=moment))
    moved += _each(_waiting_too_long(moment), lambda pk: overdue.queue_time_out(pk, at=moment))
    moved += recall_from_absent()
    moved += recall_held()
    moved += republish_unclaimed(moment)
    given = dispatch.dispatch_in_turns()
    dispatch.announce(given)
    moved += len(given)
    for project_id in dispatch.queueing_projects():
        explain.explain_waiting(project_id)
    return moved


def _running(field: str, before: datetime) -> list[UUID]:
    rows = CommandRun.objects.filter(IS_LIVE, status=RunStatus.RUNNING, **{f"{field}__lt": before})
    return list(rows.order_by(field).values_list("pk", flat=True)[:LIMIT])


def _cancelled_elsewhere() -> list[UUID]:
    rows = CommandRun.objects.filter(IS_LIVE, handed_over.HANDED_OVER, cancel_requested=True)
    return list(rows.order_by("cancel_requested_at").values_list("pk", flat=True)[:LIMIT])


def _waiting_too_long(moment: datetime) -> list[UUID]:
    rows = CommandRun.objects.filter(one_of("status", UNCLAIMED), gives_up_at__lt=moment).exclude(
        holds.COMMAND_RUNS.held()
    )
    return list(rows.order_by("gives_up_at").values_list("pk", flat=True)[:LIMIT])


def _each(ids: list[UUID], verb: Callable[[UUID], bool]) -> int:
    return sum(verb(pk) for pk in ids)


@prepared
def _silent(moment: datetime, since: datetime) -> QuerySet[Agent, tuple[UUID, UUID]]:
    held = CommandRun.objects.filter(
        IS_LIVE, agent_id=OuterRef("pk"), status=RunStatus.RUNNING, lease_expires_at__gt=moment
    )
    silent = (
        Agent.objects.filter(connector=Connector.PULL)
        .exclude(status__in=[AgentStatus.OFFLINE, AgentStatus.PAUSED])
        .filter(Q(heartbeat_at__lt=since) | Q(heartbeat_at__isnull=True))
        .exclude(Exists(held))
    )
    return silent.values_list("pk", "project_id")[:LIMIT]


def mark_silent_agents(moment: datetime) -> int:
    """Pull agents that gave no signal for MC_OFFLINE_SECONDS are offline, unless they hold a lease longer."""
    rows = _silent(moment, moment - timedelta(seconds=settings.MC.offline_seconds))
    for agent_id, project_id in rows:
        with journal.changes(project_id) as change:
            refresh_agent(change, agent_id, active=False)
    return len(rows)


def recall_from_absent() -> int:
    """Unclaimed work of agents that went offline or were paused goes back into the queue."""
    rows = CommandRun.objects.filter(IS_LIVE, status=RunStatus.DISPATCHED).filter(
        Q(agent__status=AgentStatus.OFFLINE) | Q(agent__paused=True)
    )
    moved = 0
    for pk, dispatch_id, name in rows.values_list("pk", "dispatch_id", "agent__name")[:LIMIT]:
        moved += bool(dispatch_id and overdue.recall(pk, dispatch_id, reason=f"{name} is not taking work"))
    return moved


def recall_held() -> int:
    """What was dispatched but not claimed before a pause goes back into the queue, where it says why."""
    rows = CommandRun.objects.filter(IS_LIVE, holds.COMMAND_RUNS.held(), status=RunStatus.DISPATCHED)
    found = rows.values_list("pk", "dispatch_id")[:LIMIT]
    return sum(
        overdue.recall(pk, dispatch_id, reason="paused before it started")
        for pk, dispatch_id in found
        if dispatch_id
    )


def republish_unclaimed(moment: datetime) -> int:
    """T9: publish again what no worker claimed; the same dispatch, so that a double is harmless.

    The pause doubles from 30 s to 5 min. While workers have free slots a message that is not
    claimed within seconds was lost, so the first round does not wait that long.
    """
    idle = dispatch.idle_slots() > 0
    again: list[Dispatched] = []
    rows = (
        CommandRun.objects.filter(
            IS_LIVE,
            status=RunStatus.DISPATCHED,
            dispatched_at__lt=moment - timedelta(seconds=IDLE_UNCLAIMED_SECONDS),
        )
        .exclude(agent__connector=Connector.PULL)
        .values_list("project_id", "pk", "dispatch_id", "agent_id", "dispatched_at", "dispatch_count")
    )
    for project_id, pk, dispatch_id, agent_id, dispatched_at, count in rows.order_by("dispatched_at")[:LIMIT]:
        if dispatch_id is None or dispatched_at is None:
            continue
        first = IDLE_UNCLAIMED_SECONDS if idle else UNCLAIMED_SECONDS
        pause = min(UNCLAIMED_MOST_SECONDS, first * 2**count)
        if dispatched_at < moment - timedelta(seconds=pause) and overdue.count_dispatch(pk, dispatch_id):
            again.append(Dispatched(project_id, pk, dispatch_id, agent_id, by_worker=True))
            fail_point("agents.repair.republish:before", OperationalError)
    dispatch.publish(again)
    if again:
        fail_point("agents.repair.republish:after", OperationalError)
    return len(again)


def end_leases_of_the_dead() -> int:
    """Let the leases of every known worker run out now, and forget those workers; returns how many.

    Only for a process that is alone with its database and has no worker yet: whoever held them is
    dead. The next tick takes the work back as lost, as it would when the leases end by themselves.
    """
    dead = list(Worker.objects.values_list("pk", flat=True))
    held = CommandRun.objects.filter(IS_LIVE, status=RunStatus.RUNNING, worker_id__in=dead)
    ended = held.update(lease_expires_at=now())
    Worker.objects.filter(pk__in=dead).delete()
    return ended


def forget_dead_workers() -> int:
    """Drop workers that have been silent for an hour."""
    gone, _ = Worker.objects.filter(heartbeat_at__lt=now() - FORGET_WORKERS_AFTER).delete()
    return gone
