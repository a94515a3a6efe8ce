"""T2: hand ready command runs to free agents and tell Celery: by priority, then in turns, then by age.

What may run is decided in SQL under one lock per project, so that priority, pause and limits
stay true with any number of processes. The Celery message is a hint published after commit by
a thread of its own: a broker that is away or hangs delays nobody, and the repair loop publishes
again what nobody claimed.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from celery import current_app
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.accounts.models import Project
from apps.agents import holds, lanes, wakeups
from apps.agents.lanes import Waiting
from apps.agents.models import Agent, CommandRun, Hold, RunStatus, Worker
from apps.agents.places import Places, at_workers, is_by_worker, room_of, worker_places
from apps.agents.record import record_run
from apps.events import bulk, journal
from apps.events.failpoints import fail_point
from apps.events.journal import Change
from apps.events.prepared import prepared

logger = logging.getLogger(__name__)

TASK = "agents.execute"
BATCH = 100
# With this part of the slots unclaimed, workers need no more for now.
SUPPLIED_PARTS = 2
# Other projects that are looked at when a place of a worker frees; the repair loop looks at all.
OTHERS_AT_ONCE = 8
BROKER_ERRORS = (OSError, OperationalError, RedisError)
DISPATCHED = ("agent_id", "status", "dispatch_id", "dispatched_at", "wait_reason")


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One command run that was given away; `by_worker` ones need a Celery message."""

    project_id: UUID
    command_run_id: UUID
    dispatch_id: UUID
    agent_id: UUID | None
    by_worker: bool
    run_id: UUID | None = None


def dispatch_ready(project_id: UUID, *, workers: int | None = None) -> list[Dispatched]:
    """Dispatch what is ready in one project; returns what must be told to workers or agents.

    At most BATCH at a time, and at most `workers` of them to workers. The work it takes grows with
    what is dispatched and with the number of agents, not with what is queued.
    """
    found = list(_with_ready_work().filter(pk=project_id).values_list("max_command_runs", flat=True))
    return _dispatch(project_id, found[0], workers) if found else []


def _dispatch(project_id: UUID, limit: int | None, workers: int | None = None) -> list[Dispatched]:
    with journal.changes(project_id) as change:
        holds.lock(project_id)
        return give(change, limit, workers)


def give(
    change: Change, limit: int | None, workers: int | None = None, *, agents: int | None = None
) -> list[Dispatched]:
    """Give away what is ready, at most BATCH. The caller holds the project's lock. With more `agents`
    than that, which all have to be read, nothing is done."""
    places = room_of(change.project_id, limit, workers, agents)
    if places is None:
        return []
    ready = lanes.waiting(change.project_id)
    room = {lane: count for lane in ready if (count := min(BATCH, places.of(lane)))}
    if not room:
        return []
    moment = change.moment()
    chosen = _choose(lanes.heads(change.project_id, room, moment), places)
    runs = _locked(chosen)
    given = []
    for run in runs:
        run.agent = chosen[run.pk]
        run.status = RunStatus.DISPATCHED
        run.dispatch_id = uuid4()
        run.dispatched_at = moment
        run.wait_reason = _waits_for(run.agent)
        record_run(change, "command_run.dispatched", run, previous=RunStatus.QUEUED)
        is_workers = run.agent is None or is_by_worker(run.agent)
        given.append(
            Dispatched(change.project_id, run.pk, run.dispatch_id, run.agent_id, is_workers, run.run_id)
        )
    bulk.write(runs, *DISPATCHED)
    lanes.move(change.project_id, runs)
    return given


def dispatch_in_turns(poked: UUID | None = None) -> list[Dispatched]:
    """Dispatch what is ready, the places of workers shared between the projects that want them.

    Each gets its part first, whoever has least at work begins, and what is then left is anybody's.
    So a project with ten thousand queued rows has every place while it is alone, and gives up its
    share as its work ends. `poked` is where something just changed: of the others only a few.
    """
    limits = waiting_projects()
    waiting = list(limits)
    if len(waiting) <= 1:
        return _dispatch(waiting[0], limits[waiting[0]]) if waiting else []
    at_work = at_workers(lanes.at_work())
    places = worker_places()
    part = max(1, places // len(waiting))
    random.shuffle(waiting)  # of those who have the same, now one and now another goes first
    waiting.sort(key=lambda one: (at_work[one], one == poked))
    if poked is not None:
        others = [one for one in waiting if one != poked][:OTHERS_AT_ONCE]
        waiting = [one for one in waiting if one == poked or one in others]
    given: list[Dispatched] = []
    more: list[UUID] = []
    for project_id in waiting:
        mine = _dispatch(project_id, limits[project_id], max(0, part - at_work[project_id]))
        given += mine
        if at_work[project_id] + sum(one.by_worker for one in mine) >= part:
            more.append(project_id)
    left = places - at_work.total() - sum(one.by_worker for one in given)
    for project_id in more if left > 0 else []:
        given += _dispatch(project_id, limits[project_id])
    return given


# Whoever asks for its own work waits for every dispatch; a worker with a queue does not.
_SUPPLY = """
SELECT
    (SELECT coalesce(sum(slots), 0) FROM agents_worker WHERE heartbeat_at >= %(alive)s AND NOT stopping),
    (SELECT count(*) FROM agents_commandrun AS run LEFT JOIN agents_agent AS agent ON agent.id = run.agent_id
     WHERE run.status IN ('dispatched', 'running') AND run.status = 'dispatched'
     AND coalesce(agent.connector, '') <> 'pull'),
    EXISTS (SELECT 1 FROM agents_agent WHERE project_id = %(project)s AND connector = 'pull'
     AND status <> 'offline' AND NOT paused)
"""


def is_supplied(project_id: UUID) -> bool:
    """Whether workers have so much to take already that a dispatch would only lengthen their queue: it
    is left until then, so that many rows share its cost and what is queued can still be changed."""
    with connection.cursor() as cursor:
        alive = connection.ops.adapt_datetimefield_value(Worker.live_since())
        cursor.execute(_SUPPLY, {"alive": alive, "project": lanes.key(project_id)})
        slots, waiting, asked_for = cursor.fetchone()
    return bool(slots) and not asked_for and waiting * SUPPLIED_PARTS >= slots


def waiting_projects() -> dict[UUID, int | None]:
    """Projects with due, queued work that are not paused as a whole, and how much each may have at work."""
    held = Hold.objects.filter(subject_id=OuterRef("pk"))
    return dict(_with_ready_work().exclude(Exists(held)).values_list("pk", "max_command_runs"))


def queueing_projects() -> list[UUID]:
    """Projects with due, queued work."""
    return list(_with_ready_work().values_list("pk", flat=True))


def _with_ready_work() -> QuerySet[Project]:
    ready = CommandRun.objects.filter(
        project_id=OuterRef("pk"), status=RunStatus.QUEUED, available_at__lte=timezone.now()
    )
    return Project.objects.filter(Exists(ready)).order_by()


def _choose(heads: dict[str, list[Waiting]], places: Places) -> dict[UUID, Agent | None]:
    """Who gets what. Lanes keep their order; between them goes the share with least at work."""

    def entry(lane: str, index: int) -> tuple[int, int, str, str, int]:
        one = heads[lane][index]
        return -one.priority, places.shares[one.share], str(one.queued_at), lane, index

    chosen: dict[UUID, Agent | None] = {}
    queue = [entry(lane, 0) for lane, rows in heads.items() if rows]
    heapq.heapify(queue)
    while queue and len(chosen) < BATCH:
        *_, lane, index = first = heapq.heappop(queue)
        if first != (still := entry(lane, index)):  # its share got something meanwhile
            heapq.heappush(queue, still)
            continue
        one = heads[lane][index]
        try:
            chosen[one.id] = places.take(one)
        except LookupError:
            continue  # the lane has no taker any more
        if index + 1 < len(heads[lane]):
            heapq.heappush(queue, entry(lane, index + 1))
    return chosen


def _locked(chosen: dict[UUID, Agent | None]) -> list[CommandRun]:
    """The chosen rows in their order, without those that somebody else has in hand."""
    found = {run.pk: run for run in _queued(list(chosen))}
    return [found[pk] for pk in chosen if pk in found]


@prepared
def _queued(ids: Collection[UUID]) -> QuerySet[CommandRun]:
    rows = CommandRun.objects.select_for_update(
        of=("self",), skip_locked=connection.features.has_select_for_update_skip_locked
    ).filter(pk__in=ids, status=RunStatus.QUEUED)
    return rows.select_related("command").defer("command__parameters")


def _waits_for(agent: Agent | None) -> str:
    if agent is None or is_by_worker(agent):
        return "waiting for a worker"
    return f"waiting for {agent.name} to ask for work"[:200]


_IDLE = """
SELECT
    (SELECT coalesce(sum(slots), 0) FROM agents_worker WHERE heartbeat_at >= %(alive)s AND NOT stopping),
    (SELECT count(*) FROM agents_commandrun AS run JOIN agents_worker AS worker ON worker.id = run.worker_id
     WHERE run.status IN ('dispatched', 'running') AND run.status = 'running'
     AND worker.heartbeat_at >= %(alive)s AND NOT worker.stopping)
"""


def announce(given: Sequence[Dispatched]) -> None:
    """Tell whoever is to take what was dispatched: pull agents that wait, and slots that are idle. A
    busy one looks by itself when it gets free, so a message would only be in its way."""
    by_worker = [one for one in given if one.by_worker]
    asked = [one for one in given if not one.by_worker]
    publish([*asked, *(by_worker[: idle_slots()] if by_worker else ())])


def idle_slots() -> int:
    """Slots of live workers that run nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_IDLE, {"alive": connection.ops.adapt_datetimefield_value(Worker.live_since())})
        slots, busy = cursor.fetchone()
    return max(0, int(slots) - int(busy))


def publish(given: Iterable[Dispatched]) -> None:
    """Send the Celery messages. A broker's failure is logged and left to the repair loop."""
    for one in given:
        if not one.by_worker:
            if one.agent_id:
                wakeups.ring(one.agent_id)
            continue
        try:
            fail_point("agents.dispatch.publish:before", OperationalError)
            ids = [str(one.command_run_id), str(one.dispatch_id), str(one.project_id)]
            current_app.send_task(TASK, args=ids, retry=False, ignore_result=True)
            fail_point("agents.dispatch.publish:after", OperationalError)
        except BROKER_ERRORS as error:
            logger.warning(
                "the broker took no message; the repair loop publishes again", extra={"error": repr(error)}
            )
            return


class Dispatcher:
    """The thread that dispatches and publishes after commits, one per process."""

    def __init__(self) -> None:
        self._wanted: dict[UUID, set[Callable[[UUID], object]]] = {}
        self._given: list[Dispatched] = []
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

    def poke(self, project_id: UUID, *before: Callable[[UUID], object]) -> None:
        """Have the project looked at soon, and `before(project_id)` called first, which may start
        what is to be dispatched. Without a started thread the repair loop does it."""
        with self._wake:
            if self._thread is not None:
                self._wanted.setdefault(project_id, set()).update(before)
                self._wake.notify()

    @property
    def is_started(self) -> bool:
        return self._thread is not None

    def tell(self, given: Sequence[Dispatched]) -> None:
        """Have those told who are to take what somebody else dispatched."""
        with self._wake:
            self._given += given
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted or self._given or self._stopping)
                if self._stopping:
                    return
                given, self._given = self._given, []
                project_id = None if given else next(iter(self._wanted))  # whoever has waited longest
                before = self._wanted.pop(project_id) if project_id else ()
            try:
                announce(given)
                if project_id is None:
                    continue
                for act in before:
                    act(project_id)
                if is_supplied(project_id):
                    continue
                given = dispatch_in_turns(project_id)
                announce(given)
                if len(given) >= BATCH:
                    self.poke(project_id)
            except DatabaseError:
                logger.warning("dispatch failed; the repair loop tries again", exc_info=True)
            finally:
                close_old_connections()


dispatcher = Dispatcher()
start, stop, poke = dispatcher.start, dispatcher.stop, dispatcher.poke
