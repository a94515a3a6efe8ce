"""The statements of stored spans: one to read what is held of many, one to write many.

Written by hand, because 35 columns through the ORM's upsert cost more than reading the export.
PostgreSQL is given one JSON document, SQLite one `executemany`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from apps.agents.models import Span, SpanStatus
from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.merging import COLUMNS, Key, Row
from apps.events.conditions import one_of

# As the index of open spans has it: otherwise SQLite reads the whole table.
IS_OPEN = one_of("status", [SpanStatus.OPEN])

_TYPES = {
    "started_at": "timestamptz", "ended_at": "timestamptz", "seen_at": "timestamptz", "agent_id": "uuid",
    "run_id": "uuid", "step_id": "uuid", "command_run_id": "uuid", "cost_usd": "numeric",
    "input_tokens": "bigint", "output_tokens": "bigint", "cache_read_tokens": "bigint",
    "cache_write_tokens": "bigint", "reasoning_tokens": "bigint", "names_agent": "boolean",
}  # fmt: skip
_DATA = ("attributes", "resource", "events", "input", "output")
# Where the values stand that SQLite is given in other types, and the values in that order.
_MOMENTS = tuple(at for at, name in enumerate(COLUMNS) if _TYPES.get(name) == "timestamptz")
_UUIDS = tuple(at for at, name in enumerate(COLUMNS) if _TYPES.get(name) == "uuid")
_COST = COLUMNS.index("cost_usd")
_in_order = itemgetter(*COLUMNS)

_NAMES = ", ".join(COLUMNS)
_UPDATES = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS if name not in ("trace_id", "span_id"))
# What a later export leaves out of a span's wide part stays as it was.
_EMPTY = {"attributes": "{}", "resource": "{}", "events": "[]", "input": "", "output": ""}


def _data_updates(cast: str) -> str:
    return ", ".join(
        f"{name} = CASE WHEN EXCLUDED.{name}{cast} = '{empty}' THEN agents_spandata.{name} "
        f"ELSE EXCLUDED.{name} END"
        for name, empty in _EMPTY.items()
    )


# Every name in these statements is one of the lists above.
_WRITE_POSTGRES = f"""
WITH given AS (
    SELECT * FROM json_to_recordset(%s::json) AS given(
        {", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)},
        told boolean, attributes jsonb, resource jsonb, events jsonb, input text, output text
    )
), kept AS (
    INSERT INTO agents_span (project_id, {_NAMES}) SELECT %s, {_NAMES} FROM given
    ORDER BY trace_id, span_id
    ON CONFLICT (project_id, trace_id, span_id) DO UPDATE SET {_UPDATES}
    RETURNING id, trace_id, span_id
)
INSERT INTO agents_spandata (span_id, {", ".join(_DATA)})
SELECT kept.id, {", ".join(f"given.{name}" for name in _DATA)}
FROM kept JOIN given ON given.trace_id = kept.trace_id AND given.span_id = kept.span_id
WHERE given.told
ON CONFLICT (span_id) DO UPDATE SET {_data_updates("::text")}
"""  # noqa: S608

_WRITE_SQLITE = f"""
INSERT INTO agents_span (project_id, {_NAMES})
VALUES (%s, {", ".join(["%s"] * len(COLUMNS))})
ON CONFLICT (project_id, trace_id, span_id) DO UPDATE SET {_UPDATES}
"""  # noqa: S608

_WRITE_DATA_SQLITE = f"""
INSERT INTO agents_spandata (span_id, {", ".join(_DATA)})
SELECT id, {", ".join(["%s"] * len(_DATA))} FROM agents_span
WHERE project_id = %s AND trace_id = %s AND span_id = %s
ON CONFLICT (span_id) DO UPDATE SET {_data_updates("")}
"""  # noqa: S608

_HELD_POSTGRES = """
SELECT span.* FROM unnest(%s::text[], %s::text[]) AS wanted(trace_id, span_id)
JOIN agents_span AS span ON span.project_id = %s
    AND span.trace_id = wanted.trace_id AND span.span_id = wanted.span_id
"""

# CROSS JOIN keeps SQLite from going through the table instead of through what is wanted.
_HELD_SQLITE = """
SELECT span.* FROM json_each(%s) AS wanted
CROSS JOIN agents_span AS span ON span.project_id = %s
    AND span.trace_id = substr(wanted.value, 1, 32) AND span.span_id = substr(wanted.value, 33)
"""


def lock(project_id: UUID) -> None:
    """Have one transaction at a time store spans of the project; the others wait.

    What is held is read, merged in Python and written back, and the tree of a trace is looked at as
    a whole: both need that nobody writes in between. SQLite's writers are alone as it is.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"spans of {project_id}"]
            )


def held(project_id: UUID, keys: Iterable[Key]) -> dict[Key, Row]:
    """What is stored of these spans; one query however many they are."""
    wanted = list(keys)
    if connection.vendor == "postgresql":
        found = Span.objects.raw(
            _HELD_POSTGRES, [[trace for trace, _ in wanted], [span for _, span in wanted], project_id]
        )
    else:
        joined = orjson.dumps([trace + span for trace, span in wanted]).decode()
        found = Span.objects.raw(_HELD_SQLITE, [joined, project_id.hex])
    return {(span.trace_id, span.span_id): {name: getattr(span, name) for name in COLUMNS} for span in found}


def write(project_id: UUID, written: Sequence[Row], told: Mapping[Key, SpanFacts]) -> None:
    """Insert these rows or put them in the place of those there are, with the wide parts of `told`."""
    if not written:
        return
    if connection.vendor == "postgresql":
        given = [_with_data(row, told.get((row["trace_id"], row["span_id"]))) for row in written]
        document = orjson.dumps(given, default=_decimal).decode()
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_POSTGRES, [document, project_id])
        return
    project = project_id.hex
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE_SQLITE, [(project, *_for_sqlite(row)) for row in written])
        data = [
            (
                orjson.dumps(fact.attributes).decode(),
                orjson.dumps(fact.resource).decode(),
                orjson.dumps(fact.events).decode(),
                fact.input,
                fact.output,
                project,
                trace_id,
                span_id,
            )
            for (trace_id, span_id), fact in told.items()
        ]
        if data:
            cursor.executemany(_WRITE_DATA_SQLITE, data)


def _with_data(row: Row, fact: SpanFacts | None) -> Row:
    if fact is None:
        return {**row, "told": False}
    return {
        **row,
        "told": True,
        "attributes": fact.attributes,
        "resource": fact.resource,
        "events": fact.events,
        "input": fact.input,
        "output": fact.output,
    }


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _for_sqlite(row: Row) -> list[Any]:
    """The values of the row by its columns, in the types that Django keeps in SQLite.

    By place: to look every value up by its name costs SQLite's driver a fifth more (2026-11).
    """
    values = list(_in_order(row))
    for at in _MOMENTS:
        if values[at] is not None:
            values[at] = _moment(values[at])
    for at in _UUIDS:
        if values[at] is not None:
            values[at] = values[at].hex
    if values[_COST] is not None:
        values[_COST] = connection.ops.adapt_decimalfield_value(values[_COST], 14, 8)
    return values


def _moment(value: datetime) -> str:
    """As Django writes it; its own way costs three times as much (15 of 100 µs a span, 2026-11)."""
    if value.tzinfo is UTC:
        return str(value)[: -len("+00:00")]
    return str(connection.ops.adapt_datetimefield_value(value))
