"""T13: the engine fires schedules. Any number of engines may: a moment is taken by
compare-and-swap on `next_at`, in the transaction that starts its run.

A moment is missed when it is more than GRACE late. While a workflow or project is paused its
schedules go on: their runs start and wait as any other.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Exists, OuterRef, QuerySet

from apps.agents import holds
from apps.errors import DomainError
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.events.prepared import prepared
from apps.workflows import cron, services, stopping
from apps.workflows.advance import Advance
from apps.workflows.models import (
    RUN_OPEN,
    Misfire,
    Origin,
    Overlap,
    Run,
    Schedule,
    ScheduleTick,
    TickOutcome,
)
from apps.workflows.record import short
from apps.workflows.schedules import MAX_CATCH_UP, record_schedule

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=60)
BATCH = 200  # schedules a round
MAX_QUEUED = 100  # moments of one schedule that wait for its open run
TICKS_KEPT = 1_000  # of one schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule that is due does now: what it missed, oldest first, the one moment it fires,
    and its next, which may have passed as well."""

    missed: list[datetime]
    fire: datetime | None
    next_at: datetime | None


def fire_due() -> int:
    """Start what is due, and what waited for a run that is over by now. Returns how many moments
    it dealt with. Each is a transaction of its own, and a schedule that breaks holds up no other."""
    fired = 0
    for schedule_id, project_id in _due(now()):
        try:
            for _ in range(MAX_CATCH_UP):
                if not _fire_next(schedule_id, project_id):
                    break
                fired += 1
        except DatabaseError:
            raise
        except Exception:
            logger.exception("a schedule could not be fired", extra={"schedule": str(schedule_id)})
    return fired + _start_queued()


@prepared
def _due(moment: datetime) -> QuerySet[Schedule, tuple[UUID, UUID]]:
    due = Schedule.objects.filter(enabled=True, next_at__lte=moment).order_by("next_at", "id")
    return due.values_list("id", "project_id")[:BATCH]


def prune_ticks() -> int:
    """Forget all but the newest moments of each schedule; returns how many went."""
    gone = 0
    for schedule_id in Schedule.objects.values_list("id", flat=True):
        ticks = ScheduleTick.objects.filter(schedule=schedule_id).exclude(outcome=TickOutcome.QUEUED)
        oldest = ticks.order_by("-scheduled_for").values_list("scheduled_for", flat=True)[TICKS_KEPT:]
        if (last := oldest.first()) is not None:
            gone += ticks.filter(scheduled_for__lte=last).delete()[0]
    return gone


def plan(schedule: Schedule, moment: datetime) -> Plan:
    """What a due schedule does at `moment` by its misfire policy. Raises CronError."""
    assert schedule.next_at is not None
    where = (schedule.cron, schedule.time_zone)
    # At most these many are looked at: an engine that was away for a year does not count minutes.
    found = cron.newest(*where, schedule.next_at, moment, MAX_CATCH_UP)
    late = [at for at in found if moment - at > GRACE]
    on_time = found[len(late) :]
    match schedule.misfire:
        case Misfire.SKIP:
            missed, kept = late, on_time
        case Misfire.CATCH_UP:
            limit = schedule.catch_up_limit
            missed, kept = late[:-limit], [*late[-limit:], *on_time]
        case _:
            missed, kept = (late, on_time) if on_time else (late[:-1], late[-1:])
    following = kept[1] if len(kept) > 1 else cron.after(*where, moment)
    return Plan(missed, kept[0] if kept else None, following)


# --- one moment ----------------------------------------------------------------------------------


def _fire_next(schedule_id: UUID, project_id: UUID) -> bool:
    """Deal with what is due next; False when nothing is, or another engine has it."""
    stopped: list[UUID] = []
    try:
        with journal.changes(project_id) as change:
            taken = _take(change, schedule_id)
            if taken is None:
                return False
            schedule, at = taken
            if at is not None:
                stopped = _act(change, schedule, at)
    except DomainError as error:
        return _refuse(schedule_id, project_id, str(error))
    for run_id in stopped:
        stopping.stop_command_runs(run_id, limit=services.STOP_AT_ONCE)
    return True


def _take(change: Change, schedule_id: UUID) -> tuple[Schedule, datetime | None] | None:
    """Win what is due of the schedule: its newest row, locked, and the moment to fire, if one is."""
    moment = change.moment()
    due = Schedule.objects.filter(pk=schedule_id, enabled=True, next_at__lte=moment)
    schedule = due.first()
    if schedule is None:
        return None
    try:
        found = plan(schedule, moment)
    except cron.CronError as error:  # its time zone left the server's tables
        found = Plan([], None, None)
        due.update(last_problem=short(f"{error.field}: {error}", 300))
    won = Schedule.objects.filter(pk=schedule_id, enabled=True, next_at=schedule.next_at)
    if not won.update(next_at=found.next_at, last_at=found.fire or schedule.last_at):
        return None
    schedule = Schedule.objects.select_related("workflow").get(pk=schedule_id)
    _note_missed(schedule, found, moment)
    if found.fire is None:
        record_schedule(change, "schedule.changed", schedule, TickOutcome.MISSED)
    return schedule, found.fire


def _note_missed(schedule: Schedule, found: Plan, moment: datetime) -> None:
    why = "One run stands for all that were missed." if schedule.misfire == Misfire.ONCE else ""
    ticks = [
        ScheduleTick(schedule=schedule, scheduled_for=at, outcome=TickOutcome.MISSED, detail=why, at=moment)
        for at in found.missed
    ]
    ScheduleTick.objects.bulk_create(ticks, ignore_conflicts=True)


def _act(change: Change, schedule: Schedule, at: datetime) -> list[UUID]:
    """Start the run of a moment, or do what the overlap policy says instead; the runs whose command
    runs are still to be stopped."""
    tick, is_new = ScheduleTick.objects.get_or_create(
        schedule=schedule,
        scheduled_for=at,
        defaults={"outcome": TickOutcome.STARTED, "at": change.moment()},
    )
    if not is_new:  # whatever it became, it is not fired twice
        record_schedule(change, "schedule.changed", schedule)
        return []
    stopped: list[UUID] = []
    open_runs = list(_open_runs(schedule).order_by("created_at"))
    queued = ScheduleTick.objects.filter(schedule=schedule, outcome=TickOutcome.QUEUED).count()
    if open_runs and schedule.overlap == Overlap.CANCEL:
        stopped = _cancel(change, open_runs, schedule)
    elif (open_runs or queued) and schedule.overlap == Overlap.QUEUE:
        _put(change, schedule, tick, queued)
        return []
    elif open_runs and schedule.overlap == Overlap.SKIP:
        _end(change, schedule, tick, TickOutcome.SKIPPED, f"{open_runs[-1]} is still open.")
        return []
    _start(change, schedule, tick)
    return stopped


def _start(change: Change, schedule: Schedule, tick: ScheduleTick) -> None:
    """Raises what `services.start_run` raises."""
    run, _ = services.start_run(
        schedule.workflow,
        schedule.input,
        by=schedule.created_by,
        priority=schedule.priority,
        origin=Origin.SCHEDULE,
        origin_id=schedule.pk,
    )
    if schedule.last_problem:
        schedule.last_problem = ""
        schedule.save(update_fields=["last_problem"])
    _end(change, schedule, tick, TickOutcome.STARTED, tick.detail, run)


def _put(change: Change, schedule: Schedule, tick: ScheduleTick, queued: int) -> None:
    """Let a moment wait until the open run is over, unless too many do already."""
    if queued >= MAX_QUEUED:
        _end(change, schedule, tick, TickOutcome.SKIPPED, f"{queued} moments wait already.")
    else:
        _end(change, schedule, tick, TickOutcome.QUEUED, "Starts when the run before is over.")


def _end(
    change: Change,
    schedule: Schedule,
    tick: ScheduleTick,
    outcome: TickOutcome,
    detail: str,
    run: Run | None = None,
) -> None:
    tick.outcome, tick.detail, tick.run, tick.at = outcome, short(detail, 300), run, change.moment()
    tick.save()
    record_schedule(change, "schedule.fired", schedule, outcome, run)


def _cancel(change: Change, runs: list[Run], schedule: Schedule) -> list[UUID]:
    """Let the open runs end; what they have in hand is stopped after the commit, or by the sweep."""
    holds.lock(change.project_id)  # whoever locks runs and this takes this one first
    stopped = []
    for run in runs:
        advance = Advance.hold(change, run.pk)
        if advance is not None and not advance.run.is_over and not advance.run.is_ending:
            advance.cancel(f"Cancelled: {schedule.name} started the next run.")
            advance.settle()
            stopped.append(run.pk)
    return stopped


def _refuse(schedule_id: UUID, project_id: UUID, why: str) -> bool:
    """The run of what is due cannot start: say so on the schedule, which goes on."""
    with journal.changes(project_id) as change:
        taken = _take(change, schedule_id)
        if taken is None:
            return False
        schedule, at = taken
        if at is None:
            return True
        tick = ScheduleTick(schedule=schedule, scheduled_for=at)
        _say(change, schedule, tick, why)
    return True


def _say(change: Change, schedule: Schedule, tick: ScheduleTick, why: str) -> None:
    schedule.last_problem = short(why, 300)
    schedule.save(update_fields=["last_problem"])
    _end(change, schedule, tick, TickOutcome.REFUSED, why)


# --- moments that wait ---------------------------------------------------------------------------


def _start_queued() -> int:
    """Start the oldest waiting moment of each schedule that has no open run any more."""
    return sum(_start_oldest(schedule_id, project_id) for schedule_id, project_id in _with_a_free_run())


@prepared
def _with_a_free_run() -> QuerySet[Schedule, tuple[UUID, UUID]]:
    waiting = ScheduleTick.objects.filter(schedule=OuterRef("pk"), outcome=TickOutcome.QUEUED)
    open_run = Run.objects.filter(origin_id=OuterRef("pk")).filter(one_of("status", RUN_OPEN))
    free = Schedule.objects.filter(Exists(waiting), ~Exists(open_run), enabled=True, overlap=Overlap.QUEUE)
    return free.values_list("id", "project_id")[:BATCH]


def _start_oldest(schedule_id: UUID, project_id: UUID) -> bool:
    try:
        with journal.changes(project_id) as change:
            found = _oldest(schedule_id)
            if found is None:
                return False
            tick, schedule = found
            tick.detail = "Waited for the run before."
            _start(change, schedule, tick)
    except DomainError as error:
        with journal.changes(project_id) as change:
            found = _oldest(schedule_id)
            if found is not None:
                _say(change, found[1], found[0], str(error))
    return True


def _oldest(schedule_id: UUID) -> tuple[ScheduleTick, Schedule] | None:
    """The oldest waiting moment of a schedule without an open run, and the schedule, locked."""
    locked = Schedule.objects.select_for_update(of=("self",), no_key=True).select_related("workflow")
    schedule = locked.filter(pk=schedule_id, enabled=True).first()
    if schedule is None or _open_runs(schedule).exists():
        return None
    waiting = ScheduleTick.objects.filter(schedule=schedule, outcome=TickOutcome.QUEUED)
    tick = waiting.order_by("scheduled_for").first()
    return None if tick is None else (tick, schedule)


def _open_runs(schedule: Schedule) -> QuerySet[Run]:
    return Run.objects.filter(origin_id=schedule.pk).filter(one_of("status", RUN_OPEN))
