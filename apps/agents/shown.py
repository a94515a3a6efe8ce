"""Signs of life and what they let agents show, many at a time: the statements of `many`.

What one agent shows is derived as everywhere; only reading and writing is done for all at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Field

from apps.agents import status
from apps.agents.models import Agent, CommandRun, Provenance
from apps.agents.record import record_agent
from apps.events.journal import Change

SHOWN = ("status", "current_task", "status_reason", "last_error", "paused")


class Row(NamedTuple):
    """What is read of an agent to see whether an update changes anything."""

    pk: UUID
    name: str
    connector: str
    status: str
    said_status: str
    current_task: str | None
    paused: bool
    heartbeat_at: datetime | None
    last_active: datetime
    provenance: str


@dataclass(frozen=True, slots=True)
class Alive:
    """An agent was heard of at a moment; with a status it also said what it does."""

    agent_id: UUID
    at: datetime
    active: datetime  # the newest that is known of it, however it was heard of
    status: str = ""
    task: str | None = None
    provenance: str = Provenance.LIVE
    key_id: UUID | None = None


def write(alive: Sequence[Alive]) -> None:
    """Note when agents were heard of, and what they said of themselves, which is what they show."""
    _update(
        Agent,
        {"heartbeat_at": "timestamptz", "last_active": "timestamptz", "signal_at": "timestamptz",
         "provenance": "text", "key_id": "uuid"},
        [(one.agent_id, one.at, one.active, one.at, one.provenance, one.key_id) for one in alive],
    )  # fmt: skip


def renew(moment: datetime, lease: timedelta, runs: Collection[CommandRun]) -> None:
    """Extend the leases of command runs whose rows are locked, and write how far they are."""
    _update(
        CommandRun,
        {"heartbeat_at": "timestamptz", "lease_expires_at": "timestamptz", "progress": "int",
         "message": "text"},
        [(run.pk, moment, moment + lease, run.progress, run.message) for run in runs],
    )  # fmt: skip


def derive(change: Change, alive: dict[UUID, Alive]) -> list[Alive]:
    """Let agents show what follows from what was heard of them, and journal those it changes; returns
    the others. Locks the agents."""
    if not alive:
        return []
    working = status.at_work(alive)
    agents = list(Agent.objects.select_for_update(no_key=True).filter(pk__in=sorted(alive)).order_by("pk"))
    same: list[Alive] = []
    for agent in agents:
        before = tuple(getattr(agent, name) for name in SHOWN)
        heard = alive[agent.pk]
        agent.heartbeat_at = agent.signal_at = heard.at
        agent.last_active = max(agent.last_active, heard.at)
        agent.provenance, agent.key_id = heard.provenance, heard.key_id
        if heard.status:
            agent.said_status, agent.current_task = heard.status, heard.task
        status.derive(agent, working.get(agent.pk), change.moment())
        agent.revision += 1
        if before == tuple(getattr(agent, name) for name in SHOWN):
            same.append(heard)
        else:
            record_agent(change, "agent.changed", agent)
    _update(
        Agent,
        {"status": "text", "status_reason": "text", "current_task": "text", "said_status": "text",
         "heartbeat_at": "timestamptz", "last_active": "timestamptz", "signal_at": "timestamptz",
         "provenance": "text", "key_id": "uuid", "revision": "bigint"},
        [
            (one.pk, one.status, one.status_reason, one.current_task, one.said_status, one.heartbeat_at,
             one.last_active, one.signal_at, one.provenance, one.key_id, one.revision)
            for one in agents
        ],
    )  # fmt: skip
    return same


def _update(model: Any, columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write columns of many rows by id. The rows are locked by id's order first, on PostgreSQL, which
    would otherwise take them as they come."""
    if not rows:
        return
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        # One JSON text: the driver would look through every value of an array for what to escape.
        sets = ", ".join(f"{name} = given.{name}" for name in columns)
        kinds = ", ".join(["id uuid", *(f"{name} {kind}" for name, kind in columns.items())])
        statement = (
            f"WITH given AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS one({kinds})),"  # noqa: S608
            f" mine AS (SELECT id FROM {table} WHERE id IN (SELECT id FROM given)"
            " ORDER BY id FOR NO KEY UPDATE)"
            f" UPDATE {table} AS row SET {sets} FROM given JOIN mine USING (id) WHERE row.id = given.id"
        )
        names = ("id", *columns)
        given = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
        with connection.cursor() as cursor:
            cursor.execute(statement, [given])
        return
    fields: list[Field[Any, Any]] = [model._meta.get_field(name) for name in columns]
    sets = ", ".join(f"{field.column} = %s" for field in fields)
    prepared = [_prepared(one, [row[number] for row in rows]) for number, one in enumerate(fields, 1)]
    prepared.append([row[0].hex for row in rows])
    with connection.cursor() as cursor:
        statement = f"UPDATE {table} SET {sets} WHERE id = %s"  # noqa: S608
        cursor.executemany(statement, list(zip(*prepared, strict=True)))


def _prepared(field: Field[Any, Any], values: list[Any]) -> list[Any]:
    """The values as the database takes them; most are the same, and each is converted once."""
    known = {value: field.get_db_prep_save(value, connection) for value in set(values)}
    return [known[value] for value in values]
