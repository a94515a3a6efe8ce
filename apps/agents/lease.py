"""Verbs of whoever holds or cancels a command run: claim, report, finish, fail, give back, cancel.

Each verb is one transaction: compare-and-swap on the row, its attempt, its agent, its journal
line. A write that carries an old fence changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import Value
from django.db.models.functions import Greatest

from apps.agents import at_once, holds, lines
from apps.agents.connectors.base import Outcome, Work
from apps.agents.lanes import as_id
from apps.agents.lines import Said
from apps.agents.models import CommandRun, CommandRunAttempt, CommandRunData, RunStatus, WorkKind
from apps.agents.moves import (
    Failure,
    complete,
    end,
    lease_time,
    locked,
    locked_all,
    project_of,
    requeue,
    retry_or_fail,
    unclaimed_locked,
)
from apps.agents.record import record_run
from apps.agents.schema import render_prompt
from apps.agents.status import at_hand, touch_agent
from apps.agents.storable import storable, storable_text
from apps.errors import Conflict, StaleFence
from apps.events import bulk, journal
from apps.events.clock import now
from apps.events.failpoints import fail_point
from apps.events.journal import Change

WHEN_CLAIMED = (
    "status", "fence", "attempt", "wait_reason", "message", "progress", "worker_id", "started_at",
    "heartbeat_at", "lease_expires_at", "timeout_at",
)  # fmt: skip


class Given(Enum):
    """An end without a result: the holder stopped because it was told to, or because it must go."""

    UP = "up"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lease on one command run and the work it stands for."""

    project_id: UUID
    command_run_id: UUID
    agent_id: UUID | None
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
class Ticket:
    """What somebody was told to claim, and who that is. A worker of ours has a `worker_id`."""

    command_run_id: UUID
    dispatch_id: UUID
    worker: str
    worker_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended, as its holder says, and the last of what was logged."""

    command_run_id: UUID
    fence: int
    end: Outcome | Failure | Given
    said: Sequence[Said] = ()


@dataclass(frozen=True, slots=True)
class Taker:
    """A worker with so many slots that take whatever was dispatched and nobody claimed."""

    worker: str
    worker_id: UUID
    slots: int


@dataclass(frozen=True, slots=True)
class Written:
    """In the order of what was given: a lease for each ticket, None when somebody else has it; a row
    for each result, None when the lease was lost and nothing was written. And what the taker got."""

    claimed: list[Claimed | None]
    ended: list[CommandRun | None]
    taken: list[Claimed]


def write(
    project_id: UUID, tickets: Sequence[Ticket], results: Sequence[Result], taker: Taker | None = None
) -> Written:
    """T3 and T5/T6/T10/T14 of many command runs of a project in one transaction."""
    with journal.changes(project_id) as change:
        ids = {one.command_run_id for one in tickets} | {one.command_run_id for one in results}
        rows = locked_all(project_id, ids)
        ended = _end_all(change, rows, results)
        more = _tickets_for(change, rows, taker) if taker else []
        claimed = _claim_all(change, rows, [*tickets, *more])
        taken = [one for one in claimed[len(tickets) :] if one is not None]
        if taker and ended and len(taken) < taker.slots:
            held = {run.run_id for run in ended if run} | {one.run_id for one in claimed if one}
            taken += _take_next(change, replace(taker, slots=taker.slots - len(taken)), held)
        return Written(claimed[: len(tickets)], ended, taken)


def _take_next(change: Change, taker: Taker, runs: Set[UUID | None]) -> list[Claimed]:
    """Dispatch and claim what the results freed: no step waits for a transaction made only to begin it.

    Of these `runs` alone, which are locked, and for agents that nobody else has in hand: whoever has rows
    locked already waits for none.
    """
    change.tell()
    given = at_once.now(change)
    mine = [one for one in given if one.by_worker and one.run_id and one.run_id in runs]
    free = at_hand(one.agent_id for one in mine)
    mine = [one for one in mine if one.agent_id in free][: taker.slots]
    at_once.tell([one for one in given if one not in mine])
    if not mine:
        return []
    rows = locked_all(change.project_id, [one.command_run_id for one in mine])
    tickets = [Ticket(one.command_run_id, one.dispatch_id, taker.worker, taker.worker_id) for one in mine]
    return [one for one in _claim_all(change, rows, tickets) if one is not None]


def _tickets_for(change: Change, rows: dict[UUID, CommandRun], taker: Taker) -> list[Ticket]:
    """What was dispatched first, unless that is another project's; its rows are added to `rows`."""
    found = unclaimed_locked(change.project_id, taker.slots)
    rows |= {run.pk: run for run in found if run.pk not in rows}
    return [
        Ticket(run.pk, run.dispatch_id, taker.worker, taker.worker_id) for run in found if run.dispatch_id
    ]


# Literals, not parameters: SQLite takes a partial index only for what it can read in the statement.
_UNCLAIMED = """
SELECT run.project_id, run.id, run.dispatch_id
FROM agents_commandrun AS run LEFT JOIN agents_agent AS agent ON agent.id = run.agent_id
WHERE run.status IN ('dispatched', 'running') AND run.status = 'dispatched' AND run.dispatch_id IS NOT NULL
    AND NOT run.cancel_requested AND coalesce(agent.connector, '') <> 'pull'
ORDER BY run.dispatched_at, run.priority DESC, run.turn, run.queued_at LIMIT %s
"""


def unclaimed(taker: Taker) -> list[tuple[UUID, Ticket]]:
    """What a taker could claim, of any project, with the project's id; nothing is locked."""
    with connection.cursor() as cursor:
        cursor.execute(_UNCLAIMED, [taker.slots])
        found = cursor.fetchall()
    return [
        (as_id(project), Ticket(as_id(pk), as_id(dispatch_id), taker.worker, taker.worker_id))
        for project, pk, dispatch_id in found
    ]


def claim(
    command_run_id: UUID, dispatch_id: UUID, *, worker: str, worker_id: UUID | None = None
) -> Claimed | None:
    """T3: take the lease of what was dispatched under `dispatch_id`; None when somebody else did."""
    project_id = project_of(command_run_id)
    if project_id is None:
        return None
    ticket = Ticket(command_run_id, dispatch_id, worker, worker_id)
    with journal.changes(project_id) as change:
        return _claim_all(change, locked_all(project_id, [command_run_id]), [ticket])[0]


def _claim_all(
    change: Change, rows: dict[UUID, CommandRun], tickets: Sequence[Ticket]
) -> list[Claimed | None]:
    moment = change.moment()
    paused = holds.subjects(change.project_id) if tickets else frozenset()
    claimed: list[Claimed | None] = []
    runs, attempts = [], []
    for ticket in tickets:
        run = rows.get(ticket.command_run_id)
        if run is None or not _is_free(run, ticket, paused):
            claimed.append(None)
            continue
        run.status = RunStatus.RUNNING
        run.fence += 1
        run.attempt += 1
        run.wait_reason = run.message = ""
        run.progress = 0
        run.worker_id = ticket.worker_id
        run.started_at = run.started_at or moment
        run.heartbeat_at = moment
        run.lease_expires_at = moment + lease_time()
        run.timeout_at = moment + timedelta(seconds=run.timeout_seconds)
        runs.append(run)
        attempts.append(
            CommandRunAttempt(
                command_run=run, number=run.attempt, fence=run.fence, worker=ticket.worker[:100],
                started_at=moment,
            )
        )  # fmt: skip
        if ticket.worker_id is None:  # a worker says it itself, together with what follows
            lines.add(run, [Said(started(run.attempt, ticket.worker), at=moment)])
        record_run(change, "command_run.started", run, previous=RunStatus.DISPATCHED)
        if run.agent_id:
            touch_agent(change, run.agent_id)
        claimed.append(_claimed(run))
    if runs:
        bulk.write(runs, *WHEN_CLAIMED)
        bulk.insert(attempts)
    return claimed


def _is_free(run: CommandRun, ticket: Ticket, paused: Set[UUID]) -> bool:
    return (
        run.status == RunStatus.DISPATCHED
        and run.dispatch_id == ticket.dispatch_id
        and not run.cancel_requested
        and (run.agent_id is not None or run.kind != WorkKind.COMMAND)
        and paused.isdisjoint((run.run_id, run.workflow_id, run.project_id))
    )


def _claimed(run: CommandRun) -> Claimed:
    return Claimed(
        project_id=run.project_id,
        command_run_id=run.pk,
        agent_id=run.agent_id,
        fence=run.fence,
        run_id=run.run_id,
        step_id=run.step_id,
        connector=run.agent.connector if run.agent else run.kind,
        work=_work(run, run.data),
    )


def claim_next(agent_id: UUID, *, worker: str) -> Claimed | None:
    """T3 for a pull agent: the oldest of what was dispatched to it; None when there is nothing."""
    rows = CommandRun.objects.filter(agent_id=agent_id, status=RunStatus.DISPATCHED, cancel_requested=False)
    for pk, dispatch_id in rows.order_by("-priority", "queued_at").values_list("pk", "dispatch_id")[:5]:
        claimed = claim(pk, dispatch_id, worker=worker) if dispatch_id else None
        if claimed:
            return claimed
    return None


def _work(run: CommandRun, data: CommandRunData) -> Work:
    agent, command = run.agent, run.command
    return Work(
        kind=run.kind,
        command_run_id=run.pk,
        fence=run.fence,
        attempt=run.attempt,
        # Stable over attempts, so that the outside world can recognise a repetition.
        idempotency_key=data.stable_key or str(run.step_id or run.pk),
        agent_name=agent.name if agent else "",
        agent_type=agent.type if agent else "",
        instructions=agent.instructions if agent else "",
        model=(agent.model or None) if agent else None,
        command=command.name if command else "",
        title=run.title,
        prompt=render_prompt(command.prompt, data.input) if command else "",
        input=data.input,
        timeout_seconds=run.timeout_seconds,
        offline=command.offline if command else "",
        agent_id=run.agent_id,
        connector=agent.connector if agent else "",
        endpoint=agent.endpoint if agent else "",
        secret_version=agent.secret_version if agent else 1,
        run_id=run.run_id,
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
    fields: dict[str, Any] = {"heartbeat_at": moment, "lease_expires_at": _renewed(moment)}
    if progress is not None:
        fields["progress"] = max(0, min(100, progress))
    if message is not None:
        fields["message"] = storable_text(message[:200])
    held = CommandRun.objects.filter(pk=command_run_id, fence=fence, status=RunStatus.RUNNING)
    fail_point("agents.lease.report:before", OperationalError)
    if not held.update(**fields):
        return Signal(alive=False, cancel=True, pause=False)
    fail_point("agents.lease.report:after", OperationalError)
    if text is not None:
        CommandRunData.objects.filter(pk=command_run_id).update(text=storable_text(text))
    row = (
        CommandRun.objects.filter(pk=command_run_id).values_list("cancel_requested", "agent__paused").first()
    )
    cancel, pause = row or (True, False)
    return Signal(alive=True, cancel=bool(cancel), pause=bool(pause))


def _renewed(moment: datetime) -> Greatest:
    """Never shorter than it is: the lease of an agent that was handed the work lasts to its timeout."""
    return Greatest("lease_expires_at", Value(moment + lease_time()))


def look(held: dict[UUID, int]) -> dict[UUID, Signal]:
    """What the holders of `{command run: fence}` would be told, without renewing anything."""
    rows = CommandRun.objects.filter(pk__in=list(held), status=RunStatus.RUNNING)
    found = {
        pk: Signal(alive=fence == held[pk], cancel=cancel, pause=bool(pause))
        for pk, fence, cancel, pause in rows.values_list("pk", "fence", "cancel_requested", "agent__paused")
    }
    return {pk: found.get(pk, Signal(alive=False, cancel=True, pause=False)) for pk in held}


def finish(command_run_id: UUID, fence: int, outcome: Outcome, said: Sequence[Said] = ()) -> CommandRun:
    """T5: write the result, once, and the last of what was logged.

    Raises StaleFence when the lease was lost; nothing is written then.
    """
    return _end(Result(command_run_id, fence, outcome, said))


def fail(command_run_id: UUID, fence: int, failure: Failure, said: Sequence[Said] = ()) -> CommandRun:
    """T6: give the run another attempt after a pause, or let it end. Raises StaleFence as `finish`."""
    return _end(Result(command_run_id, fence, failure, said))


def confirm_cancelled(command_run_id: UUID, fence: int, said: Sequence[Said] = ()) -> CommandRun:
    """The holder stopped because it was told to."""
    return _end(Result(command_run_id, fence, Given.UP, said))


def give_back(command_run_id: UUID, fence: int, said: Sequence[Said] = ()) -> CommandRun:
    """T14: the holder must go; the work is queued again and the attempt does not count."""
    return _end(Result(command_run_id, fence, Given.BACK, said))


def _end(result: Result) -> CommandRun:
    project_id = project_of(result.command_run_id)
    if project_id is None:
        raise StaleFence("The command run does not exist any more.")
    run = write(project_id, (), [result]).ended[0]
    if run is None:
        raise StaleFence("The lease was taken back or the command run is over; nothing was written.")
    return run


def _end_all(
    change: Change, rows: dict[UUID, CommandRun], results: Sequence[Result]
) -> list[CommandRun | None]:
    ended: list[CommandRun | None] = []
    completed: list[tuple[CommandRun, Outcome, Sequence[Said]]] = []
    seen: set[UUID] = set()
    for result in results:
        run = rows.get(result.command_run_id)
        held = run is not None and run.status == RunStatus.RUNNING and run.fence == result.fence
        if run is None or not held or run.pk in seen:
            ended.append(None)
            continue
        seen.add(run.pk)
        ended.append(run)
        if isinstance(result.end, Outcome):
            completed.append((run, result.end, result.said))
            continue
        lines.add(run, result.said)
        if isinstance(result.end, Failure):
            failure = replace(result.end, message=storable_text(result.end.message))
            retry_or_fail(change, run, failure)
        elif result.end == Given.UP or run.cancel_requested:
            end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled while running.")
        else:
            run.attempt = max(0, run.attempt - 1)
            requeue(change, run, outcome="given_back", wait="given back by a worker that is stopping")
    if completed:
        _complete_all(change, completed)
    return ended


def _complete_all(change: Change, completed: Sequence[tuple[CommandRun, Outcome, Sequence[Said]]]) -> None:
    lines.add_all(
        [(run, [*said, Said(_completed(outcome), at=change.moment())]) for run, outcome, said in completed]
    )
    for run, outcome, _ in completed:
        run.data.output = storable(outcome.output)
        run.data.error = run.data.text = ""
        run.input_tokens = outcome.input_tokens
        run.output_tokens = outcome.output_tokens
        run.cost_usd = outcome.cost_usd
        run.model = outcome.model[:200]
        run.demo = outcome.demo
    bulk.write([run.data for run, _, _ in completed], "output", "error", "text")
    complete(change, [run for run, _, _ in completed])


def cancel(command_run_id: UUID) -> CommandRun:
    """T10: cancel now what waits, tell the holder of what runs. Asking twice is the same.

    Raises Conflict when the run is over.
    """
    project_id = project_of(command_run_id)
    if project_id is None:
        raise Conflict("The command run does not exist any more.")
    with journal.changes(project_id) as change:
        run = locked(command_run_id)
        if run is None or run.is_over:
            raise Conflict(f"The command run is over ({run.status if run else 'gone'}).")
        if run.cancel_requested:
            return run
        run.cancel_requested = True
        run.cancel_requested_at = change.moment()
        if run.status == RunStatus.RUNNING:
            run.save(update_fields=["cancel_requested", "cancel_requested_at"])
            record_run(change, "command_run.cancel_requested", run, previous=run.status)
        else:
            end(change, run, RunStatus.CANCELLED, code="cancelled", message="Cancelled before it started.")
        return run


def started(attempt: int, worker: str, agent: str = "") -> str:
    """The first line of an attempt. An agent that asks for its work is its own worker."""
    on = f" on worker {worker}" if agent else ""
    return f"Attempt {attempt} started by {agent or worker}{on}"


def _completed(outcome: Outcome) -> str:
    parts = [f"by {outcome.model}"] if outcome.model else []
    if outcome.input_tokens is not None and outcome.output_tokens is not None:
        parts.append(f"{outcome.input_tokens:,} tokens in, {outcome.output_tokens:,} out")
    if outcome.cost_usd is not None:
        parts.append(f"${outcome.cost_usd:.4f}")
    return f"Completed: {', '.join(parts)}" if parts else "Completed"
