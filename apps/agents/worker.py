"""A process that executes command runs: its row, its lease keeper, its connector loop.

Celery's threads claim and wait; the bodies run as coroutines on one long-lived event loop,
because model clients keep connections that belong to a loop. One keeper thread with its own
database connection renews every lease held here and carries cancellations back.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, DataError, OperationalError, close_old_connections
from django.utils import timezone

from apps.agents import handed_over, lease, lines
from apps.agents.connectors import http_agent
from apps.agents.connectors.base import ConnectorError, HandedOver, Outcome
from apps.agents.connectors.choice import connector_of
from apps.agents.desk import Desk, Ended
from apps.agents.events import CommandRunProgress
from apps.agents.lease import Claimed, Given, Result, Ticket
from apps.agents.lines import Said
from apps.agents.models import RunStatus, Worker
from apps.agents.moves import Failure, project_of
from apps.errors import StaleFence
from apps.events import layer
from apps.events.clock import now
from apps.events.failpoints import fail_point

logger = logging.getLogger(__name__)

KEEPER_SECONDS = 0.5
TICK_SECONDS = 0.25
TEXT_TAIL = 2048
TEXT_KEPT = 16_384
DRAIN_SECONDS = 20


@dataclass(slots=True)
class Body:
    """One claimed command run while its body runs."""

    claimed: Claimed
    task: concurrent.futures.Future[Outcome | HandedOver] | None = None
    percent: int = 0
    message: str = ""
    text: str = ""
    dirty: bool = False
    told_at: float = 0.0
    renewed_at: float = field(default_factory=time.monotonic)
    why_stopped: str = ""
    handed_over: bool = False
    said: deque[Said] = field(default_factory=deque)
    """What was logged and is not written yet."""
    writing: threading.Lock = field(default_factory=threading.Lock)

    async def progress(self, percent: int, message: str = "", text: str | None = None) -> None:
        """Note progress; watchers hear of it at most every 250 ms, the row within half a second."""
        if message and message != self.message:
            self.log(message)
        self.percent, self.message = max(0, min(100, percent)), message[:200]
        if text is not None:
            self.text = text
        self.dirty = True
        if time.monotonic() - self.told_at >= TICK_SECONDS:
            self.told_at = time.monotonic()
            self.tell()

    def log(self, text: str) -> None:
        """A line of the log; written together with what else is written, within half a second."""
        self.said.append(Said(text, at=timezone.now()))

    def tell(self) -> None:
        claimed = self.claimed
        tick = CommandRunProgress(
            command_run_id=claimed.command_run_id,
            run_id=claimed.run_id,
            step_id=claimed.step_id,
            agent_id=claimed.agent_id,
            progress=self.percent,
            message=self.message,
            text=self.text[-TEXT_TAIL:],
            heartbeat_at=timezone.now(),
        )
        layer.push(claimed.project_id, tick.payload())

    def stop(self, why: str) -> None:
        """Cancel the body; `why` decides what becomes of the row."""
        self.why_stopped = self.why_stopped or why
        if self.task is not None:
            self.task.cancel()


End = Outcome | Failure | HandedOver | None
# What a database, or the way to it, says of a value that it cannot hold.
UNSTORABLE = (DataError, ArithmeticError, TypeError, ValueError, RecursionError)
GIVEN = {"give_back": Given.BACK, "cancel": Given.UP}


class WorkerProcess:
    """What one process needs to execute command runs; `start` before Celery, `stop` after."""

    def __init__(self, slots: int) -> None:
        self.id = uuid4()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.slots = slots
        self._bodies: dict[UUID, Body] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._desk = Desk(self.name, self.id)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        Worker.objects.create(id=self.id, name=self.name, slots=self.slots, heartbeat_at=now())
        for name, target in (("connectors", self._loop.run_forever), ("lease-keeper", self._keep)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._desk.open()

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """T14: claim nothing more, give the bodies `seconds` to end, then give their work back."""
        self._stopping.set()
        Worker.objects.filter(pk=self.id).update(stopping=True)
        deadline = time.monotonic() + seconds
        while self._bodies and time.monotonic() < deadline:
            self._stopped.wait(0.05)
        for body in list(self._bodies.values()):
            body.stop("give_back")

    def stop(self) -> None:
        self._stopping.set()
        self._stopped.set()
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(timeout=5)
        self._desk.close()
        if not self._loop.is_running():
            self._loop.close()
        Worker.objects.filter(pk=self.id).delete()

    def execute(self, command_run_id: UUID, dispatch_id: UUID, project_id: UUID | None = None) -> None:
        """Claim and, if the claim is won, run the body and write its end; and so on with what else was
        dispatched, until there is nothing."""
        if self._stopping.is_set():
            return  # the dispatch stays unclaimed and is published again
        fail_point("agents.worker.message:taken", OperationalError)
        project_id = project_id or _project_of(command_run_id)
        if project_id is None:
            return
        ticket = Ticket(command_run_id, dispatch_id, worker=self.name, worker_id=self.id)
        claimed = self._desk.claim(project_id, ticket)
        while claimed is not None:
            claimed = self._carry_out(claimed)

    def _carry_out(self, claimed: Claimed) -> Claimed | None:
        """Run the body and write its end; returns what the slot holds next, if there is anything."""
        body = Body(claimed)
        body.log(lease.started(claimed.work.attempt, self.name, claimed.work.agent_name))
        with self._lock:
            self._bodies[claimed.command_run_id] = body
        try:
            ended = self._write_end(body, self._run(body))
        finally:
            with self._lock:
                self._bodies.pop(claimed.command_run_id, None)
        if ended is None or ended.ticket is None or self._stopping.is_set():
            return ended.following if ended else None
        return self._desk.claim(*ended.ticket)

    def tell_to_stop(self, called: http_agent.Called) -> None:
        """Tell an endpoint that nobody wants its result any more; no thread waits for its answer."""
        asyncio.run_coroutine_threadsafe(http_agent.tell_to_stop(called), self._loop)

    def _run(self, body: Body) -> End:
        """The body's outcome, why it failed, or None when it was told to stop."""
        work = body.claimed.work
        connector = connector_of(work)
        try:
            fail_point("agents.worker.connector:before", _answer_lost)
            body.task = asyncio.run_coroutine_threadsafe(
                asyncio.wait_for(connector.run(work, body), timeout=work.timeout_seconds), self._loop
            )
            if body.why_stopped:
                body.task.cancel()
            outcome = body.task.result()
            fail_point("agents.worker.connector:after", _answer_lost)
            return outcome
        except TimeoutError:
            message = f"No result within {work.timeout_seconds:g} s."
            return Failure("timeout", message, retryable=True, final=RunStatus.TIMED_OUT)
        except ConnectorError as error:
            return Failure(
                error.code, error.message, retryable=error.retryable, retry_after=error.retry_after
            )
        except concurrent.futures.CancelledError:
            return None
        except Exception as error:
            logger.exception("a connector broke", extra={"command_run_id": str(work.command_run_id)})
            return Failure(
                "connector_broke", f"The connector broke: {type(error).__name__}.", retryable=False
            )

    def _write_end(self, body: Body, end: End) -> Ended | None:
        """T5/T6/T10/T14, or the lease left to the agent; retried through database blips until the lease
        has run out. A result that no database takes is a failure: it would be refused for ever."""
        deadline = body.renewed_at + settings.MC.lease_seconds
        pause = 0.1
        while True:
            try:
                return self._write_once(body, end)
            except UNSTORABLE as error:
                if not isinstance(end, Outcome):
                    raise
                logger.exception(
                    "a result cannot be stored", extra={"command_run_id": str(body.claimed.command_run_id)}
                )
                message = f"The result cannot be stored ({type(error).__name__})."
                end = Failure("bad_result", message, retryable=False)
            except DatabaseError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(pause)
                pause = min(2.0, pause * 2)

    def _write_once(self, body: Body, outcome: End) -> Ended | None:
        claimed = body.claimed
        if isinstance(outcome, HandedOver):
            self._hand_over(body, outcome)
            return Ended(None, ticket=None if self._stopping.is_set() else self._desk.anything())
        end = outcome or GIVEN.get(body.why_stopped)
        if end is None:  # its lease was lost, so it has nothing to say
            return None
        with body.writing:
            result = Result(claimed.command_run_id, claimed.fence, end, tuple(body.said))
            ended = self._desk.end(claimed.project_id, result, goes_on=not self._stopping.is_set())
            if ended.run is None:
                logger.info(
                    "a result came too late and was refused",
                    extra={"command_run_id": str(claimed.command_run_id)},
                )
            body.said.clear()
            return ended

    def _hand_over(self, body: Body, to: HandedOver) -> None:
        """The agent reports by itself from now on; this place is free."""
        with body.writing:
            body.percent, body.message = 2, to.message
            body.tell()
            said = (*body.said, Said(to.message, at=timezone.now()))
            handed_over.hand_over(body.claimed.command_run_id, body.claimed.fence, to.message, said)
            body.handed_over = True
            body.said.clear()

    def _keep(self) -> None:
        """The keeper's thread: leases, progress and cancellations of all bodies, and our own row."""
        reported_at = time.monotonic()
        while not self._stopped.wait(KEEPER_SECONDS):
            try:
                bodies = list(self._bodies.values())
                if bodies:
                    self._keep_bodies(bodies)
                if time.monotonic() - reported_at >= settings.MC.heartbeat_seconds:
                    reported_at = time.monotonic()
                    self._report_self()
            except DatabaseError:
                logger.warning("leases could not be renewed; trying again", exc_info=True)
                close_old_connections()
        close_old_connections()

    def _keep_bodies(self, bodies: list[Body]) -> None:
        signals = lease.look({body.claimed.command_run_id: body.claimed.fence for body in bodies})
        for body in bodies:
            signal = signals[body.claimed.command_run_id]
            due = time.monotonic() - body.renewed_at >= settings.MC.heartbeat_seconds
            if signal.alive and (body.dirty or due):
                signal = self._renew(body, signal)
                if due and not body.handed_over:
                    body.tell()  # a sign of life for whoever looks on
            if signal.alive and body.said:
                self._write_lines(body)
            if not signal.alive:
                body.stop("stale")
            elif signal.cancel:
                body.stop("cancel")

    def _renew(self, body: Body, signal: lease.Signal) -> lease.Signal:
        """Renew its lease, unless its end is being written, after which it may not be ours to renew."""
        if not body.writing.acquire(blocking=False):
            return signal
        try:
            if body.handed_over:
                return signal
            body.dirty = False
            started = time.monotonic()
            signal = lease.report(
                body.claimed.command_run_id,
                body.claimed.fence,
                progress=body.percent,
                message=body.message,
                text=body.text[-TEXT_KEPT:],
            )
            body.renewed_at = started
            return signal
        finally:
            body.writing.release()

    def _write_lines(self, body: Body) -> None:
        """Write what was logged, unless the end of the body is being written, which takes it along."""
        if not body.writing.acquire(blocking=False):
            return
        try:
            said = tuple(body.said)[: lines.MOST_IN_CALL]
            if said:
                lines.append(body.claimed.command_run_id, body.claimed.fence, said)
            for _ in said:
                body.said.popleft()
        except StaleFence:
            body.stop("stale")
        finally:
            body.writing.release()

    def _report_self(self) -> None:
        fields: dict[str, Any] = {"heartbeat_at": now(), "stopping": self._stopping.is_set()}
        if not Worker.objects.filter(pk=self.id).update(**fields):
            Worker.objects.create(id=self.id, name=self.name, slots=self.slots, **fields)


def _project_of(command_run_id: UUID) -> UUID | None:
    """For messages of an earlier version, which do not say it."""
    try:
        return project_of(command_run_id)
    finally:
        close_old_connections()


def _answer_lost(said: str) -> ConnectorError:
    return ConnectorError("connection_lost", said, retryable=True)


_current: list[WorkerProcess] = []


def start(slots: int) -> WorkerProcess:
    """Make this process a worker."""
    process = WorkerProcess(slots)
    process.start()
    _current.append(process)
    return process


def current() -> WorkerProcess:
    """This process's worker. Raises RuntimeError where nobody started one."""
    if not _current:
        raise RuntimeError("this process is no worker; start one with `manage.py worker`")
    return _current[-1]
