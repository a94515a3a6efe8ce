"""Lanes: queued work that the same takers wait for, and in which order it leaves.

A lane is a capability, one agent asked for by name, or empty for what any worker does. In a lane
work goes by priority, then by turn, then by age. A row's turn is given when it is queued: one after
the lane's newest dispatched turn, or one after the last queued of its share. So a share with ten
thousand rows and one with a single row take turns, and nothing has to be counted or reordered.

SQL of its own, because each statement here costs the same whatever is queued: lanes are found by
hopping over an index, and of each only the head is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.agents.models import CommandRun, Hold, HoldScope

WORKERS = ""  # the lane of work that no agent does
AT_ONCE = 100  # lanes read by one statement

_WAITING = """
WITH RECURSIVE waiting(lane) AS (
    SELECT min(lane) FROM agents_commandrun WHERE project_id = %(project)s AND status = 'queued'
    UNION ALL
    SELECT (
        SELECT min(lane) FROM agents_commandrun
        WHERE project_id = %(project)s AND status = 'queued' AND lane > waiting.lane
    ) FROM waiting WHERE waiting.lane IS NOT NULL
) SELECT lane FROM waiting WHERE lane IS NOT NULL
"""
# Literals, not parameters: SQLite takes a partial index only for what it can read in the statement.
_AT_WORK = """
SELECT run.project_id, run.agent_id, run.share,
    agent.connector = 'pull'
        OR (agent.connector = 'http' AND run.status = 'running' AND run.worker_id IS NULL) AS elsewhere,
    count(*)
FROM agents_commandrun AS run LEFT JOIN agents_agent AS agent ON agent.id = run.agent_id
WHERE run.status IN ('dispatched', 'running')
GROUP BY 1, 2, 3, 4
"""
_HEAD = """
SELECT * FROM (
    SELECT id, lane, priority, share, queued_at FROM agents_commandrun
    WHERE project_id = %s AND lane = %s AND status = 'queued' AND available_at <= %s {free}
    ORDER BY priority DESC, turn, queued_at LIMIT %s
) AS head
"""
_TURN = """
SELECT %s,
    (SELECT turn FROM agents_laneturn WHERE project_id = %s AND lane = %s AND priority = %s),
    (SELECT max(turn) FROM agents_commandrun
     WHERE project_id = %s AND lane = %s AND share = %s AND priority = %s AND status = 'queued')
"""
_MOVE = """
INSERT INTO agents_laneturn (project_id, lane, priority, turn) VALUES (%s, %s, %s, %s)
ON CONFLICT (project_id, lane, priority) DO UPDATE SET turn = excluded.turn
WHERE agents_laneturn.turn < excluded.turn
"""


_Line = tuple[str, int, str, UUID]  # lane, priority, share, project


@dataclass(frozen=True, slots=True)
class Waiting:
    """The part of a queued command run that decides about its order."""

    id: UUID
    lane: str
    priority: int
    share: str
    queued_at: datetime | str


@dataclass(frozen=True, slots=True)
class AtWork:
    """How many command runs of one share an agent has, or was told of; no agent for a worker's own."""

    project_id: UUID
    agent_id: UUID | None
    share: str
    by_worker: bool
    count: int


def of_agent(agent_id: UUID) -> str:
    """The lane of work that asks for one agent by name."""
    return str(key(agent_id))


def at_work() -> list[AtWork]:
    """What is dispatched or runs, in all projects: they share the workers."""
    return [
        AtWork(as_id(project), as_id(agent) if agent else None, share, not elsewhere, count)
        for project, agent, share, elsewhere, count in _read(_AT_WORK, [])
    ]


def waiting(project_id: UUID) -> list[str]:
    """The lanes in which anything is queued; one hop of the index for each."""
    return [lane for (lane,) in _read(_WAITING, {"project": key(project_id)})]


def heads(project_id: UUID, room: Mapping[str, int], at: datetime) -> dict[str, list[Waiting]]:
    """What leaves first from each of the lanes, at most `room` of it: due at that moment and not held."""
    free, held = _not_held(project_id)
    moment = connection.ops.adapt_datetimefield_value(at)
    found: dict[str, list[Waiting]] = {lane: [] for lane in room}
    lanes = list(room)
    for start in range(0, len(lanes), AT_ONCE):
        part = lanes[start : start + AT_ONCE]
        values: list[Any] = []
        for lane in part:
            values += [key(project_id), lane, moment, *held, room[lane]]
        for pk, lane, *rest in _read(" UNION ALL ".join([_HEAD.format(free=free)] * len(part)), values):
            found[lane].append(Waiting(as_id(pk), lane, *rest))
    return found


def next_turn(run: CommandRun) -> int:
    """The turn of a row that is going to be queued, or moved to another priority."""
    return next_turns([run])[0]


def next_turns(runs: Iterable[CommandRun]) -> list[int]:
    """The turns of rows that are going to be queued together, in their order."""
    lines = [(_lane(run), run.priority, run.share, run.project_id) for run in runs]
    newest = _newest_turns(list(dict.fromkeys(lines)))
    turns = []
    for line in lines:
        newest[line] += 1
        turns.append(newest[line])
    return turns


def _newest_turns(lines: Sequence[_Line]) -> dict[_Line, int]:
    """The last turn of each line of a lane: the newest that was dispatched, or queued of its share."""
    newest: dict[_Line, int] = {}
    for start in range(0, len(lines), AT_ONCE):
        values: list[Any] = []
        part = lines[start : start + AT_ONCE]
        for index, (lane, priority, share, project_id) in enumerate(part):
            project = key(project_id)
            values += [index, project, lane, priority, project, lane, share, priority]
        for index, dispatched, queued in _read(" UNION ALL ".join([_TURN] * len(part)), values):
            newest[part[int(index)]] = int(max(dispatched or 0, queued or 0))
    return newest


def _lane(run: CommandRun) -> str:
    return of_agent(run.wanted_agent_id) if run.wanted_agent_id else run.capability


def move(project_id: UUID, dispatched: Iterable[CommandRun]) -> None:
    """Note which turns were dispatched. The caller holds the project's lock."""
    reached: dict[tuple[str, int], int] = {}
    for run in dispatched:
        reached[run.lane, run.priority] = max(run.turn, reached.get((run.lane, run.priority), 0))
    with connection.cursor() as cursor:
        for (lane, priority), turn in reached.items():
            cursor.execute(_MOVE, [key(project_id), lane, priority, turn])


def _not_held(project_id: UUID) -> tuple[str, list[Any]]:
    """A condition in SQL that leaves out what is paused, and its values. There are few holds."""
    held: dict[str, list[Any]] = {}
    for scope, subject in Hold.objects.filter(project_id=project_id).values_list("scope", "subject_id"):
        held.setdefault(scope, []).append(key(subject))
    if HoldScope.PROJECT in held:
        return "AND 1 = 0", []
    parts, values = "", []
    for scope, column in ((HoldScope.WORKFLOW, "workflow_id"), (HoldScope.RUN, "run_id")):
        if subjects := held.get(scope):
            parts += f" AND ({column} IS NULL OR {column} NOT IN ({', '.join(['%s'] * len(subjects))}))"
            values += subjects
    return parts, values


def _read(sql: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def as_id(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def key(pk: UUID) -> Any:
    return pk if connection.features.has_native_uuid_field else pk.hex
