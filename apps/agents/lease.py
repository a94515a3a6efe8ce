"""The life of an accepted command run: transitions T3 to T10.

Each verb is one transaction: compare-and-swap on the row, its attempt, its agent, its journal
line. A write that carries an old fence changes nothing. Rows are locked in one order everywhere,
command run before agent, so that two verbs cannot wait for each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.agents import dispatch
from apps.agents.connectors.base import Outcome, Work
from apps.agents.models import (
    LIVE,
    Agent,
    CommandRun,
    CommandRunAttempt,
    CommandRunData,
    RunStatus,
)
from apps.agents.record import record_run
from apps.agents.schema import render_prompt
from apps.agents.status import refresh_agent
from apps.errors import Conflict, StaleFence
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change

MAX_LOST = 3
CANCEL_GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lease on one command run and the work it stands for."""

    project_id: UUID
    command_run_id: UUID
    agent_id: UUID
    fence: int
    run_id: UUID | None
    step_id: UUID | None
    connector: str
    work: Work


@dataclass(frozen=True, slots=True)
class Signal:
    """What the holder of a lease is told when it reports."""

    alive: bool
    cancel: bool
    pause: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended without a result. `final` is the status when no attempt is left."""

    code: str
    message: str
    retryable: bool
    retry_after: float | None = None
    final: RunStatus = RunStatus.FAILED


def claim(
    command_run_id: UUID, dispatch_id: UUID, *, worker: str, worker_id: UUID | None = None
) -> Claimed | None:
    """T3: take the lease of what was dispatched under `dispatch_id`; None when somebody else did."""
    head = _head(command_run_id)
    if head is None:
        return None
    with journal.changes(head.project_id) as change:
        moment = now()
        run = _locked(command_run_id, status=RunStatus.DISPATCHED, dispatch_id=dispatch_id)
        if run is None or run.agent is None or run.cancel_requested:
            return None
        run.status = RunStatus.RUNNING
        run.fence += 1
        run.attempt += 1
        run.wait_reason = run.message = ""
        run.progress = 0
        run.worker_id = worker_id
        run.started_at = run.started_at or moment
        run.heartbeat_at = moment
        run.lease_expires_at = moment + lease_time()
        run.timeout_at = moment + timedelta(seconds=run.timeout_seconds)
        run.save()
        CommandRunAttempt.objects.create(
            command_run=run, number=run.attempt, fence=run.fence, worker=worker[:100], started_at=moment
        )
        record_run(change, "command_run.started", run, previous=RunStatus.DISPATCHED)
        refresh_agent(change, run.agent.pk)
        data = CommandRunData.objects.get(pk=run.pk)
        return Claimed(
            project_id=run.project_id,
            command_run_id=run.pk,
            agent_id=run.agent.pk,
            fence=run.fence,
            run_id=run.run_id,
            step_id=run.step_id,
            connector=run.agent.connector,
            work=_work(run, run.agent, data),
        )


def claim_next(agent_id: UUID, *, worker: str) -> Claimed | None:
    """T3 for a pull agent: the oldest of what was dispatched to it; None when there is nothing."""
    rows = CommandRun.objects.filter(agent_id=agent_id, status=RunStatus.DISPATCHED, cancel_requested=False)
    for pk, dispatch_id in rows.order_by("-priority", "queued_at").values_list("pk", "dispatch_id")[:5]:
        claimed = claim(pk, dispatch_id, worker=worker) if dispatch_id else None
        if claimed:
            return claimed
    return None


def _work(run: CommandRun, agent: Agent, data: CommandRunData) -> Work:
    return Work(
        command_run_id=run.pk,
        fence=run.fence,
        attempt=run.attempt,
        # Stable over attempts, so that the outside world can recognise a repetition.
        idempotency_key=str(run.step_id or run.pk),
        agent_name=agent.name,
        agent_type=agent.type,
        instructions=agent.instructions,
        model=agent.model or None,
        command=run.command.name,
        title=run.title,
        prompt=render_prompt(run.command.prompt, data.input),
        input=data.input,
        timeout_seconds=run.timeout_seconds,
        offline=run.command.offline,
    )


def report(
    command_run_id: UUID,
    fence: int,
    *,
    progress: int | None = None,
    message: str | None = None,
    text: str | None = None,
) -> Signal:
    """T4: extend the lease where the fence matches, and note how far the work is. Not journalled."""
    moment = now()
    fields: dict[str, Any] = {"heartbeat_at": moment, "lease_expires_at": moment + lease_time()}
    if progress is not None:
        fields["progress"] = max(0, min(100, progress))
    if message is not None:
        fields["message"] = message[:200]
    held = CommandRun.objects.filter(pk=command_run_id, fence=fence, status=RunStatus.RUNNING)
    if not held.update(**fields):
        return Signal(alive=False, cancel=True, pause=False)
    if text is not None:
        CommandRunData.objects.filter(pk=command_run_id).update(text=text)
    row = (
        CommandRun.objects.filter(pk=command_run_id).values_list("cancel_requested", "agent__paused").first()
    )
    cancel, pause = row or (True, False)
    return Signal(alive=True, cancel=bool(cancel), pause=bool(pause))


def look(held: dict[UUID, int]) -> dict[UUID, Signal]:
    """What the holders of `{command run: fence}` would be told, without renewing anything."""
    rows = CommandRun.objects.filter(pk__in=list(held), status=RunStatus.RUNNING)
    found = {
        pk: Signal(alive=fence == held[pk], cancel=cancel, pause=bool(pause))
        for pk, fence, cancel, pause in rows.values_list("pk", "fence", "cancel_requested", "agent__paused")
    }
    return {pk: found.get(pk, Signal(alive=False, cancel=True, pause=False)) for pk in held}


def finish(command_run_id: UUID, fence: int, outcome: Outcome) -> CommandRun:
    """T5: write the result, once. Raises StaleFence when the lease was lost; nothing is written then."""
    with _held(command_run_id, fence) as (change, run):
        CommandRunData.objects.filter(pk=run.pk).update(output=outcome.output, error="", text="")
        run.input_tokens = outcome.input_tokens
        run.output_tokens = outcome.output_tokens
        run.cost_usd = outcome.cost_usd
        run.model = outcome.model[:200]
        run.demo = outcome.demo
        run.progress = 100
        _end(change, run, RunStatus.COMPLETED)
        return run


def fail(command_run_id: UUID, fence: int, failure: Failure) -> CommandRun:
    """T6: give the run another attempt after a pause, or let it end. Raises StaleFence as `finish`."""
    with _held(command_run_id, fence) as (change, run):
        _fail(change, run, failure)
        return run


def confirm_cancelled(command_run_id: UUID, fence: int) -> CommandRun:
    """The holder stopped because it was told to."""
    with _held(command_run_id, fence) as (change, run):
        _end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled while running.")
        return run


def give_back(command_run_id: UUID, fence: int) -> CommandRun:
    """T14: the holder must go; the work is queued again and the attempt does not count."""
    with _held(command_run_id, fence) as (change, run):
        if run.cancel_requested:
            _end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled while running.")
        else:
            run.attempt = max(0, run.attempt - 1)
            _requeue(change, run, outcome="given_back", wait="given back by a worker that is stopping")
        return run


def cancel(command_run_id: UUID) -> CommandRun:
    """T10: cancel now what waits, tell the holder of what runs. Asking twice is the same.

    Raises Conflict when the run is over.
    """
    head = _head(command_run_id)
    if head is None:
        raise Conflict("The command run does not exist any more.")
    with journal.changes(head.project_id) as change:
        run = _locked(command_run_id)
        if run is None or run.is_over:
            raise Conflict(f"The command run is over ({run.status if run else 'gone'}).")
        if run.cancel_requested:
            return run
        run.cancel_requested = True
        run.cancel_requested_at = now()
        if run.status == RunStatus.RUNNING:
            run.save(update_fields=["cancel_requested", "cancel_requested_at"])
            record_run(change, "command_run.cancel_requested", run, previous=run.status)
        else:
            _end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled before it started.")
        return run


def take_back(command_run_id: UUID, *, at: datetime) -> bool:
    """T7: the lease ran out. Lost is not failed: queue it again, unless it was lost too often."""
    with _overdue(command_run_id, lease_expires_at__lt=at) as (change, run):
        if run is None:
            return False
        run.lost_count += 1
        if run.cancel_requested:
            _end(
                change,
                run,
                RunStatus.CANCELLED,
                code="cancelled",
                message="Cancelled; its worker was lost.",
                outcome="lost",
            )
        elif run.lost_count > MAX_LOST:
            _end(
                change, run, RunStatus.FAILED, code="worker_lost", outcome="lost",
                message=f"Its worker was lost {run.lost_count} times.",
            )  # fmt: skip
        else:
            run.fence += 1
            _requeue(change, run, outcome="lost", wait="its worker was lost; waiting for another")
        return True


def time_out(command_run_id: UUID, *, at: datetime) -> bool:
    """T8: the attempt took longer than its timeout; its holder is fenced off."""
    with _overdue(command_run_id, timeout_at__lt=at) as (change, run):
        if run is None:
            return False
        run.fence += 1
        message = f"No result within {run.timeout_seconds:g} s."
        _fail(change, run, Failure("timeout", message, retryable=True, final=RunStatus.TIMED_OUT))
        return True


def end_cancelled(command_run_id: UUID, *, at: datetime) -> bool:
    """T10, last part: the holder did not react within the grace; fence it off."""
    grace = timedelta(seconds=CANCEL_GRACE_SECONDS)
    with _overdue(command_run_id, cancel_requested_at__lt=at - grace) as (change, run):
        if run is None:
            return False
        run.fence += 1
        _end(
            change,
            run,
            RunStatus.CANCELLED,
            code="cancelled",
            message="Cancelled; its worker did not answer.",
        )
        return True


def queue_time_out(command_run_id: UUID, *, at: datetime) -> bool:
    """T9, last part: nobody took the work within its queue timeout."""
    head = _head(command_run_id)
    if head is None:
        return False
    with journal.changes(head.project_id) as change:
        run = _locked(command_run_id, status__in=[RunStatus.QUEUED, RunStatus.DISPATCHED])
        if run is None or run.gives_up_at >= at:
            return False
        message = f"Nobody took it within {run.queue_timeout_seconds:g} s ({run.wait_reason or 'waiting'})."
        _end(change, run, RunStatus.TIMED_OUT, code="queue_timeout", message=message)
        return True


def recall(command_run_id: UUID, dispatch_id: UUID, *, reason: str) -> bool:
    """Take an unclaimed dispatch back into the queue, so that another agent may have it."""
    head = _head(command_run_id)
    if head is None:
        return False
    with journal.changes(head.project_id) as change:
        run = _locked(command_run_id, status=RunStatus.DISPATCHED, dispatch_id=dispatch_id)
        if run is None:
            return False
        _requeue(change, run, outcome="", wait=reason)
        return True


def lease_time() -> timedelta:
    return timedelta(seconds=settings.MC.lease_seconds)


def backoff(run: CommandRun, retry_after: float | None) -> float:
    """Seconds until the next attempt: doubling, capped, with half of it random."""
    counted = max(1, run.attempt - run.lost_count)
    pause: float = min(run.max_backoff_seconds, run.backoff_seconds * 2 ** (counted - 1))
    pause = pause * (0.5 + random.random() / 2)  # noqa: S311  (spreads load, keeps no secret)
    return max(pause, min(retry_after or 0, 3600))


def _head(command_run_id: UUID) -> CommandRun | None:
    return CommandRun.objects.only("id", "project_id").filter(pk=command_run_id).first()


def _locked(command_run_id: UUID, **conditions: Any) -> CommandRun | None:
    return (
        CommandRun.objects.select_for_update(of=("self",))
        .select_related("command", "agent")
        .filter(pk=command_run_id, **conditions)
        .first()
    )


@contextmanager
def _held(command_run_id: UUID, fence: int) -> Iterator[tuple[Change, CommandRun]]:
    """The transaction of somebody who says to hold the lease; StaleFence when that is not so."""
    head = _head(command_run_id)
    if head is None:
        raise StaleFence("The command run does not exist any more.")
    with journal.changes(head.project_id) as change:
        run = _locked(command_run_id, status=RunStatus.RUNNING, fence=fence)
        if run is None:
            raise StaleFence("The lease was taken back or the command run is over; nothing was written.")
        yield change, run


@contextmanager
def _overdue(command_run_id: UUID, **conditions: Any) -> Iterator[tuple[Change, CommandRun | None]]:
    """The transaction of the repair loop over a running row; the row is None when it recovered."""
    head = _head(command_run_id)
    with journal.changes(head.project_id if head else command_run_id) as change:
        yield change, _locked(command_run_id, status=RunStatus.RUNNING, **conditions)


def _fail(change: Change, run: CommandRun, failure: Failure) -> None:
    outcome = "timed_out" if failure.code == "timeout" else "failed"
    if run.cancel_requested:
        _end(change, run, RunStatus.CANCELLED, code="cancelled", message=failure.message, outcome=outcome)
        return
    if failure.retryable and run.attempt - run.lost_count < run.max_attempts:
        pause = backoff(run, failure.retry_after)
        run.available_at = now() + timedelta(seconds=pause)
        next_attempt = run.attempt - run.lost_count + 1
        wait = f"attempt {next_attempt} of {run.max_attempts} in {pause:.0f} s after {failure.code}"
        _requeue(change, run, outcome=outcome, wait=wait, error=failure.message)
        return
    _end(change, run, failure.final, code=failure.code, message=failure.message, outcome=outcome)


def _requeue(change: Change, run: CommandRun, *, outcome: str, wait: str, error: str = "") -> None:
    previous, agent_id = run.status, run.agent_id
    run.status = RunStatus.QUEUED
    run.agent = run.dispatch_id = run.worker_id = None
    run.lease_expires_at = run.timeout_at = run.dispatched_at = None
    run.dispatch_count = 0
    run.progress = 0
    run.message = ""
    run.wait_reason = wait[:200]
    run.gives_up_at = max(run.available_at, now()) + timedelta(seconds=run.queue_timeout_seconds)
    run.save()
    _close_attempt(run, outcome, error or wait)
    record_run(change, "command_run.retried", run, previous=previous)
    if agent_id:
        refresh_agent(change, agent_id, active=outcome not in ("", "lost"))
    project_id = run.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id))


def _end(
    change: Change,
    run: CommandRun,
    status: RunStatus,
    *,
    code: str = "",
    message: str = "",
    outcome: str = "",
) -> None:
    previous = run.status
    run.status = status
    run.error_code = code
    run.finished_at = now()
    run.lease_expires_at = run.timeout_at = None
    run.wait_reason = ""
    run.save()
    if status != RunStatus.COMPLETED:
        CommandRunData.objects.filter(pk=run.pk).update(error=message)
    _close_attempt(run, outcome or status, message)
    if run.agent_id and previous in LIVE:
        blame = f"{run.title}: {message}"[:500] if status in (RunStatus.FAILED, RunStatus.TIMED_OUT) else ""
        if status != RunStatus.CANCELLED:
            Agent.objects.filter(pk=run.agent_id).update(last_error=blame)
        refresh_agent(change, run.agent_id, active=outcome != "lost")
    record_run(change, "command_run.finished", run, previous=previous)
    project_id = run.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id))


def _close_attempt(run: CommandRun, outcome: str, error: str) -> None:
    CommandRunAttempt.objects.filter(command_run=run, ended_at=None).update(
        ended_at=now(), outcome=outcome, error=error
    )


def held_by(worker_id: UUID) -> list[tuple[UUID, int]]:
    """(command run, fence) of everything a worker still holds."""
    return list(
        CommandRun.objects.filter(worker_id=worker_id, status=RunStatus.RUNNING).values_list("id", "fence")
    )


def count_dispatch(command_run_id: UUID, dispatch_id: UUID) -> bool:
    """T9: note that the same dispatch is published once more."""
    return bool(
        CommandRun.objects.filter(
            pk=command_run_id, dispatch_id=dispatch_id, status=RunStatus.DISPATCHED
        ).update(dispatch_count=F("dispatch_count") + 1, dispatched_at=now())
    )
