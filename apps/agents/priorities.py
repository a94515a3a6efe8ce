"""Verbs over the order of accepted work, and over many command runs at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from apps.agents import dispatch, holds, lanes, lease
from apps.agents.models import LIVE, OVER, CommandRun, RunStatus
from apps.agents.moves import locked, project_of
from apps.agents.record import record_run
from apps.errors import Conflict, DomainError, NotFound
from apps.events import journal
from apps.events.journal import Change

LOWEST, HIGHEST = -100, 100
BULK = 500  # rows of one request
BULK_SECONDS = 5.0  # after that long a request answers with what it did
COUNTED = 10_000  # nothing is counted further than that
REFUSALS = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row on which the verb was not possible, and why."""

    id: UUID
    why: str


@dataclass(slots=True)
class Bulk:
    """What came of a verb on many rows. `matched` counts what fits the filter, `left` what the verb
    is still possible on; both up to COUNTED. `refused` names some of the others."""

    matched: int = 0
    done: int = 0
    left: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def refuse(self, pk: UUID, why: str) -> None:
        if len(self.refused) < REFUSALS:
            self.refused.append(Refusal(pk, why))


def prioritise(command_run_id: UUID, priority: int) -> CommandRun:
    """Let a command run go before or after others. Raises Conflict when it is over."""
    project_id = project_of(command_run_id)
    if project_id is None:
        raise NotFound("The command run does not exist any more.")
    with journal.changes(project_id) as change:
        holds.lock(project_id)
        run = locked(command_run_id)
        if run is None or run.is_over:
            raise Conflict(f"The command run is over ({run.status if run else 'gone'}).")
        if run.priority != priority:
            run.priority = priority
            run.turn = lanes.next_turn(run)
            run.save(update_fields=["priority", "turn"])
            record_run(change, "command_run.changed", run, previous=run.status)
            transaction.on_commit(lambda: dispatch.poke(project_id))
        return run


def prioritise_work_of(change: Change, run_id: UUID, priority: int, *, wait: bool) -> None:
    """Give what a run has queued another priority; it keeps its own order. The caller holds the
    project's lock, and may wait for rows of command runs as long as it holds no row of a run."""
    skip = not wait and connection.features.has_select_for_update_skip_locked
    rows = CommandRun.objects.filter(run_id=run_id, status=RunStatus.QUEUED).exclude(priority=priority)
    by_lane: dict[str, list[CommandRun]] = defaultdict(list)
    for run in (
        rows.select_for_update(of=("self",), skip_locked=skip).select_related("command").order_by("turn")
    ):
        by_lane[run.lane].append(run)
    for runs in by_lane.values():
        runs[0].priority = priority
        shift = lanes.next_turn(runs[0]) - runs[0].turn
        moved = CommandRun.objects.filter(pk__in=[run.pk for run in runs])
        moved.update(priority=priority, turn=F("turn") + shift)
        for run in runs:
            run.priority = priority
            record_run(change, "command_run.changed", run, previous=run.status)


def cancel_command_runs(project_id: UUID, where: Q, *, limit: int = BULK, dry_run: bool = False) -> Bulk:
    """Cancel what fits and is not over, the oldest first, each in a transaction of its own."""
    matching = CommandRun.objects.filter(where, project_id=project_id).order_by("queued_at", "id")
    possible = matching.filter(status__in=[RunStatus.QUEUED, *LIVE], cancel_requested=False)
    bulk = Bulk(matched=matching[:COUNTED].count())
    impossible = matching.filter(Q(status__in=OVER) | Q(cancel_requested=True))
    for pk, status in impossible.values_list("pk", "status")[:REFUSALS]:
        over = status in OVER
        bulk.refuse(pk, f"The command run is over ({status})." if over else "It is being cancelled already.")
    began = monotonic()
    for pk in [] if dry_run else possible.values_list("pk", flat=True)[:limit]:
        try:
            lease.cancel(pk)
            bulk.done += 1
        except DomainError as error:
            bulk.refuse(pk, str(error))
        if monotonic() - began > BULK_SECONDS:
            break
    bulk.left = possible[:COUNTED].count()
    if dry_run:
        bulk.done, bulk.left = min(bulk.left, limit), max(0, bulk.left - limit)
    return bulk
