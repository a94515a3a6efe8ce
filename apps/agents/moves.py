"""What a command run's row goes through inside an open change. Whoever calls holds the row's lock.

Rows are locked in one order everywhere, command run before agent, so that two verbs cannot wait
for each other.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import NegatedExpression

from apps.agents import dispatch, lines
from apps.agents.lines import Said
from apps.agents.models import (
    LIVE,
    CommandRun,
    CommandRunAttempt,
    CommandRunData,
    Connector,
    LogLevel,
    RunStatus,
)
from apps.agents.record import record_run
from apps.agents.status import touch_agent
from apps.events import bulk
from apps.events.conditions import is_of, one_of
from apps.events.journal import Change
from apps.events.prepared import prepared

# How the log words the outcome of an attempt.
ENDED = {
    "failed": "Failed",
    "timed_out": "Timed out",
    "lost": "Lost",
    "given_back": "Given back",
    "cancelled": "Cancelled",
}


# What verbs change on a command run that ends; all of its forty columns would cost three times as much.
WHEN_OVER = (
    "status", "error_code", "finished_at", "lease_expires_at", "timeout_at", "wait_reason", "progress",
    "fence", "attempt", "lost_count", "cancel_requested", "cancel_requested_at", "input_tokens",
    "output_tokens", "cost_usd", "model", "demo",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended without a result. `final` is the status when no attempt is left."""

    code: str
    message: str
    retryable: bool
    retry_after: float | None = None
    final: RunStatus = RunStatus.FAILED


@lru_cache(maxsize=4096)
def _known_project(command_run_id: UUID) -> UUID:
    """A command run never changes its project, so a process asks once."""
    return CommandRun.objects.values_list("project_id", flat=True).get(pk=command_run_id)


def project_of(command_run_id: UUID) -> UUID | None:
    try:
        return _known_project(command_run_id)
    except CommandRun.DoesNotExist:
        return None


def locked(
    command_run_id: UUID, *where: Q | Exists | NegatedExpression[Any], **conditions: Any
) -> CommandRun | None:
    return (
        CommandRun.objects.select_for_update(of=("self",))
        .select_related("command", "agent", "data")
        .filter(*where, pk=command_run_id, **conditions)
        .first()
    )


def locked_all(project_id: UUID, ids: Iterable[UUID]) -> dict[UUID, CommandRun]:
    """The rows with what belongs to them, locked in the order of their ids."""
    return {run.pk: run for run in _locked_all(project_id, set(ids))}


@prepared
def _locked_all(project_id: UUID, ids: Collection[UUID]) -> QuerySet[CommandRun]:
    rows = CommandRun.objects.select_for_update(of=("self",)).select_related("command", "agent", "data")
    found = rows.defer("command__parameters", "data__text", "data__error")
    return found.filter(is_of(project_id), pk__in=ids).order_by("pk")


@prepared
def unclaimed_locked(project_id: UUID, most: int) -> QuerySet[CommandRun]:
    """What was dispatched to workers and nobody claimed, the oldest first, without what somebody else
    has in hand; nothing when another project's is older."""
    waiting = CommandRun.objects.filter(one_of("status", LIVE), status=RunStatus.DISPATCHED)
    by_worker = waiting.exclude(agent__connector=Connector.PULL)
    elsewhere = by_worker.exclude(project_id=project_id).filter(dispatched_at__lt=OuterRef("dispatched_at"))
    rows = by_worker.filter(~Exists(elsewhere), project_id=project_id, cancel_requested=False)
    locked_rows = rows.select_for_update(
        of=("self",), skip_locked=connection.features.has_select_for_update_skip_locked
    ).select_related("command", "agent", "data")
    found = locked_rows.defer("command__parameters", "data__text", "data__error")
    return found.order_by("dispatched_at", "-priority", "turn", "queued_at")[:most]


def retry_or_fail(change: Change, run: CommandRun, failure: Failure) -> None:
    outcome = "timed_out" if failure.code == "timeout" else "failed"
    if run.cancel_requested:
        end(change, run, RunStatus.CANCELLED, code="cancelled", message=failure.message, outcome=outcome)
        return
    if _is_worth_another(run, failure) and run.attempt - run.lost_count < run.max_attempts:
        pause = backoff(run, failure.retry_after)
        run.available_at = change.moment() + timedelta(seconds=pause)
        next_attempt = run.attempt - run.lost_count + 1
        wait = f"attempt {next_attempt} of {run.max_attempts} in {pause:.0f} s after {failure.code}"
        requeue(change, run, outcome=outcome, wait=wait, error=failure.message)
        return
    end(change, run, failure.final, code=failure.code, message=failure.message, outcome=outcome)


def _is_worth_another(run: CommandRun, failure: Failure) -> bool:
    """Whoever ordered the work may know better than its body which failures pass."""
    wanted: list[str] | None = run.data.retry_on
    return failure.retryable if wanted is None else failure.code in wanted


def requeue(change: Change, run: CommandRun, *, outcome: str, wait: str, error: str = "") -> None:
    previous, agent_id = run.status, run.agent_id
    run.status = RunStatus.QUEUED
    run.agent = run.dispatch_id = run.worker_id = None
    run.lease_expires_at = run.timeout_at = run.dispatched_at = None
    run.dispatch_count = 0
    run.progress = 0
    run.message = ""
    run.wait_reason = wait[:200]
    run.gives_up_at = max(run.available_at, change.moment()) + timedelta(seconds=run.queue_timeout_seconds)
    run.save()
    _close_attempt(change, run, outcome, error or wait, after=wait if error else "")
    record_run(change, "command_run.retried", run, previous=previous)
    if agent_id:
        touch_agent(change, agent_id, active=outcome not in ("", "lost"))
    project_id = run.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id))


def end(
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
    run.finished_at = change.moment()
    run.lease_expires_at = run.timeout_at = None
    run.wait_reason = ""
    run.save(update_fields=WHEN_OVER)
    if status != RunStatus.COMPLETED:
        CommandRunData.objects.filter(pk=run.pk).update(error=message)
    _close_attempt(change, run, outcome or status, message)
    if run.agent_id and previous in LIVE:
        failed = status in (RunStatus.FAILED, RunStatus.TIMED_OUT)
        blame = None if status == RunStatus.CANCELLED else f"{run.title}: {message}"[:500] if failed else ""
        touch_agent(change, run.agent_id, active=outcome != "lost", last_error=blame)
    record_run(change, "command_run.finished", run, previous=previous)
    project_id = run.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id))


def complete(change: Change, runs: Sequence[CommandRun]) -> None:
    """End running rows that have their results, in a fixed number of statements."""
    moment = change.moment()
    for run in runs:
        run.status = RunStatus.COMPLETED
        run.error_code = run.wait_reason = ""
        run.finished_at = moment
        run.lease_expires_at = run.timeout_at = None
        run.progress = 100
    bulk.write(runs, *WHEN_OVER)
    attempts = CommandRunAttempt.objects.filter(command_run__in=[run.pk for run in runs], ended_at=None)
    attempts.update(ended_at=moment, outcome=RunStatus.COMPLETED, error="")
    for run in runs:
        if run.agent_id:
            touch_agent(change, run.agent_id, last_error="")
        record_run(change, "command_run.finished", run, previous=RunStatus.RUNNING)
    project_id = change.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id))


def _close_attempt(change: Change, run: CommandRun, outcome: str, error: str, after: str = "") -> None:
    """End the open attempt, if there is one, and say in the log how it ended and what comes `after`."""
    open_ones = CommandRunAttempt.objects.filter(command_run=run, ended_at=None)
    if not open_ones.update(ended_at=change.moment(), outcome=outcome, error=error):
        return
    if outcome == RunStatus.COMPLETED:
        return  # who finished it said more
    level = LogLevel.INFO if outcome in (RunStatus.CANCELLED, "given_back") else LogLevel.ERROR
    ended = Said(f"{ENDED.get(outcome, outcome)}: {error}", level, change.moment())
    lines.add(run, [ended, *([Said(f"Next: {after}", at=change.moment())] if after else [])])


def lease_time() -> timedelta:
    return timedelta(seconds=settings.MC.lease_seconds)


def backoff(run: CommandRun, retry_after: float | None) -> float:
    """Seconds until the next attempt: doubling, capped, a part of it random."""
    counted = max(1, run.attempt - run.lost_count)
    pause: float = min(run.max_backoff_seconds, run.backoff_seconds * 2 ** (counted - 1))
    pause = pause * (1 - run.jitter * random.random())  # noqa: S311  (spreads load, keeps no secret)
    return max(pause, min(retry_after or 0, 3600))
