"""What is logged while a command run runs: numbered lines beside it, appended and never changed.

Lines are no state of the dashboard, so they are not journalled: watchers get them as ticks, which
may be lost, and read what they miss by its number. They go with their command run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet

from apps.agents.events import CommandRunLog, LogLine
from apps.agents.models import CommandRun, CommandRunLine, LogLevel, RunStatus
from apps.agents.storable import storable_text
from apps.errors import StaleFence
from apps.events import bulk, layer
from apps.events.clock import now
from apps.events.prepared import prepared

MOST_LINES = 10_000
MOST_IN_CALL = 1_000
MOST_CHARACTERS = 4_096
# A tick is a hint: it holds the newest lines, and whoever lacks the others asks for them.
TICK_CHARACTERS = 16_384
DROPPED = "{count:,} further {lines} dropped: a command run keeps {most:,}."


@dataclass(frozen=True, slots=True)
class Said:
    """A line before it has its number."""

    text: str
    level: str = LogLevel.INFO
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call's lines. `last` is the number of the newest line there is."""

    kept: int
    dropped: int
    last: int


def append(command_run_id: UUID, fence: int, said: Sequence[Said]) -> Taken:
    """Write the lines of whoever holds the lease. Raises StaleFence; nothing is written then."""
    with transaction.atomic():
        held = CommandRun.objects.select_for_update().filter(
            pk=command_run_id, fence=fence, status=RunStatus.RUNNING
        )
        run = held.first()
        if run is None:
            raise StaleFence("The lease was taken back or the command run is over; nothing was written.")
        return add(run, said)


def add(run: CommandRun, said: Iterable[Said]) -> Taken:
    """Write lines of the current attempt. Whoever calls holds the row's lock, which numbers them."""
    return add_all([(run, list(said))])[0]


def add_all(given: Sequence[tuple[CommandRun, Sequence[Said]]]) -> list[Taken]:
    """The same for many command runs, in two statements."""
    newest = dict(_newest([run.pk for run, _ in given]))
    taken = []
    written: list[tuple[CommandRun, list[CommandRunLine]]] = []
    for run, said in given:
        last = newest.get(run.pk, 0)
        kept = said[: max(0, MOST_LINES - last)]
        moment = (said[-1].at if said else None) or now()
        rows = [_row(run, number, one, moment) for number, one in enumerate(kept, last + 1)]
        if len(said) > len(kept):
            _drop(run, rows, len(said) - len(kept), last, moment)
        if rows:
            written.append((run, rows))
        taken.append(Taken(len(kept), len(said) - len(kept), last + len(rows)))
    if written:
        bulk.insert([row for _, rows in written for row in rows])
        transaction.on_commit(partial(_tell_all, written))
    return taken


@prepared
def _newest(command_run_ids: Collection[UUID]) -> QuerySet[CommandRunLine, tuple[UUID, int]]:
    found = CommandRunLine.objects.filter(command_run__in=command_run_ids).order_by()
    return found.values_list("command_run").annotate(last=Max("number"))


def dropped(count: int) -> str:
    """What the line after the last one that is kept says."""
    return DROPPED.format(count=count, lines="line was" if count == 1 else "lines were", most=MOST_LINES)


def _drop(run: CommandRun, rows: list[CommandRunLine], count: int, last: int, moment: datetime) -> None:
    """Say in the line after the last one that is kept how many more there were."""
    if last <= MOST_LINES:
        rows.append(_row(run, MOST_LINES + 1, Said(dropped(count), LogLevel.WARNING), moment))
        return
    marker = CommandRunLine.objects.get(command_run=run, number=MOST_LINES + 1)
    before = int(re.sub(r"\D", "", marker.text.partition(" ")[0]) or 0)
    CommandRunLine.objects.filter(pk=marker.pk).update(text=dropped(before + count))


def _tell_all(written: Sequence[tuple[CommandRun, Sequence[CommandRunLine]]]) -> None:
    for run, rows in written:
        _tell(run, rows)


def _row(run: CommandRun, number: int, said: Said, moment: datetime) -> CommandRunLine:
    return CommandRunLine(
        command_run=run,
        number=number,
        attempt=max(1, run.attempt),
        level=said.level,
        text=storable_text(said.text[:MOST_CHARACTERS]),
        at=said.at or moment,
    )


def _tell(run: CommandRun, rows: Sequence[CommandRunLine]) -> None:
    newest: list[LogLine] = []
    room = TICK_CHARACTERS
    for row in reversed(rows):
        room -= len(row.text) + 100
        if room < 0 and newest:
            break
        newest.append(LogLine.model_validate(row))
    tick = CommandRunLog(command_run_id=run.pk, run_id=run.run_id, step_id=run.step_id, lines=newest[::-1])
    layer.push(run.project_id, tick.payload())
