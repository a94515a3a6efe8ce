"""Verbs of the repair loop over one command run: T7 to T9 and the end of T10.

Each wins its row by compare-and-swap and answers whether it did; any number of loops may try.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from apps.agents import handed_over, holds
from apps.agents.models import CommandRun, RunStatus
from apps.agents.moves import Failure, end, locked, project_of, requeue, retry_or_fail
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change

MAX_LOST = 3
CANCEL_GRACE_SECONDS = 30


def take_back(command_run_id: UUID, *, at: datetime) -> bool:
    """T7: the lease ran out. Lost is not failed: queue it again, unless it was lost too often."""
    with _overdue(command_run_id, lease_expires_at__lt=at) as (change, run):
        if run is None:
            return False
        run.lost_count += 1
        if run.cancel_requested:
            end(
                change,
                run,
                RunStatus.CANCELLED,
                code="cancelled",
                message="Cancelled; its worker was lost.",
                outcome="lost",
            )
        elif run.lost_count > MAX_LOST:
            end(
                change, run, RunStatus.FAILED, code="worker_lost", outcome="lost",
                message=f"Its worker was lost {run.lost_count} times.",
            )  # fmt: skip
        else:
            run.fence += 1
            requeue(change, run, outcome="lost", wait="its worker was lost; waiting for another")
        return True


def time_out(command_run_id: UUID, *, at: datetime) -> bool:
    """T8: the attempt took longer than its timeout; its holder is fenced off."""
    with _overdue(command_run_id, timeout_at__lt=at) as (change, run):
        if run is None:
            return False
        handed_over.tell_after_commit(run)
        run.fence += 1
        message = f"No result within {run.timeout_seconds:g} s."
        retry_or_fail(change, run, Failure("timeout", message, retryable=True, final=RunStatus.TIMED_OUT))
        return True


def end_cancelled(command_run_id: UUID, *, at: datetime) -> bool:
    """T10, last part: the holder did not react within the grace; fence it off."""
    grace = timedelta(seconds=CANCEL_GRACE_SECONDS)
    with _overdue(command_run_id, cancel_requested_at__lt=at - grace) as (change, run):
        if run is None:
            return False
        run.fence += 1
        end(
            change,
            run,
            RunStatus.CANCELLED,
            code="cancelled",
            message="Cancelled; its worker did not answer.",
        )
        return True


def end_handed_over(command_run_id: UUID) -> bool:
    """T10 for work that an agent with an endpoint has: nobody stands by to stop it, so there is no grace.
    It is fenced off, and its endpoint told."""
    with _overdue(command_run_id, handed_over.HANDED_OVER, cancel_requested=True) as (change, run):
        if run is None:
            return False
        handed_over.tell_after_commit(run)
        run.fence += 1
        end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled while running.")
        return True


def queue_time_out(command_run_id: UUID, *, at: datetime) -> bool:
    """T9, last part: nobody took the work within its queue timeout."""
    project_id = project_of(command_run_id)
    if project_id is None:
        return False
    with journal.changes(project_id) as change:
        not_held = ~holds.COMMAND_RUNS.held()
        run = locked(command_run_id, not_held, status__in=[RunStatus.QUEUED, RunStatus.DISPATCHED])
        if run is None or run.gives_up_at >= at:
            return False
        message = f"Nobody took it within {run.queue_timeout_seconds:g} s ({run.wait_reason or 'waiting'})."
        end(change, run, RunStatus.TIMED_OUT, code="queue_timeout", message=message)
        return True


def recall(command_run_id: UUID, dispatch_id: UUID, *, reason: str) -> bool:
    """Take an unclaimed dispatch back into the queue, so that another agent may have it."""
    project_id = project_of(command_run_id)
    if project_id is None:
        return False
    with journal.changes(project_id) as change:
        run = locked(command_run_id, status=RunStatus.DISPATCHED, dispatch_id=dispatch_id)
        if run is None:
            return False
        requeue(change, run, outcome="", wait=reason)
        return True


def count_dispatch(command_run_id: UUID, dispatch_id: UUID) -> bool:
    """T9: note that the same dispatch is published once more."""
    return bool(
        CommandRun.objects.filter(
            pk=command_run_id, dispatch_id=dispatch_id, status=RunStatus.DISPATCHED
        ).update(dispatch_count=F("dispatch_count") + 1, dispatched_at=now())
    )


@contextmanager
def _overdue(
    command_run_id: UUID, *where: Q, **conditions: Any
) -> Iterator[tuple[Change, CommandRun | None]]:
    """The transaction of the repair loop over a running row; the row is None when it recovered."""
    project_id = project_of(command_run_id)
    with journal.changes(project_id or command_run_id) as change:
        yield change, locked(command_run_id, *where, status=RunStatus.RUNNING, **conditions)
