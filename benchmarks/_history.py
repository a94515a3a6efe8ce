"""Fills the database with finished runs: one that really ran is copied as often as asked, in SQL.

Each copy is a run with its data and its first step, and that step's command run with its data, attempt
and a log line; every hundredth failed. The columns are the models' own, so that a new one is copied too.
Ids begin with the time that a copy shows, as those of the product do, and grow with its number, so that
the indexes are written from one end to the other; the other indexes are made afterwards.
Nothing else may use the database meanwhile.
"""

# ruff: noqa: S608  (names of our own tables and numbers; there is no input)
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models import F

from apps.agents.models import CommandRun, CommandRunAttempt, CommandRunData, CommandRunLine
from apps.events.ids import TURN
from apps.events.models import Event, Stream
from apps.workflows.models import Run, RunData, RunStatus, Step, Workflow

APART_SECONDS = 1
CHUNK = 100_000
FAILED_EVERY = 100
LINE = "A line that was logged while it ran."
TABLES = (Run, RunData, Step, CommandRun, CommandRunData, CommandRunAttempt, CommandRunLine)


def fill(count: int) -> None:
    """Add `count` copies of the newest completed run of `ten-steps`, a second apart into the past."""
    workflow = Workflow.objects.get(slug="ten-steps")
    run = Run.objects.filter(workflow=workflow, status=RunStatus.COMPLETED).latest("number")
    step = run.steps.get(index=1)
    assert step.command_run_id is not None
    if not CommandRunLine.objects.filter(command_run=step.command_run_id).exists():
        CommandRunLine.objects.create(command_run_id=step.command_run_id, number=1, text=LINE)
    with _in_a_hurry():
        for first in range(1, count + 1, CHUNK):
            last = min(count, first + CHUNK - 1)
            _copy_all(run, step, workflow.run_count, range(first, last + 1), count)
        failed = count // FAILED_EVERY
        Workflow.objects.filter(pk=workflow.pk).update(
            run_count=F("run_count") + count,
            completed_count=F("completed_count") + count - failed,
            failed_count=F("failed_count") + failed,
        )
        _fill_journal(run.project_id)


def _copy_all(run: Run, step: Step, number: int, some: range, count: int) -> None:
    """The rows of the copies `some`, of `count` in all."""
    assert step.command_run_id is not None
    salt = f"8{os.urandom(2).hex()[1:]}"
    run_id, step_id, work_id = (_id(kind, salt, count) for kind in ("800a", "800b", "800c"))
    over = f"CASE WHEN c.n % {FAILED_EVERY} = 0 THEN 'failed' ELSE 'completed' END"
    code = f"CASE WHEN c.n % {FAILED_EVERY} = 0 THEN 'bench' ELSE '' END"

    def copy(model: type[models.Model], key: str, of: UUID, **values: str) -> None:
        _copy(model, key, of, some, count, values)

    copy(
        Run, "id", run.pk,
        id=run_id, number=f"{number} + c.n", idempotency_key="NULL", status=over, error_code=code,
    )  # fmt: skip
    copy(RunData, "run_id", run.pk, run_id=run_id)
    copy(
        Step, "id", step.pk,
        id=step_id, run_id=run_id, command_run_id=work_id, status=over, error_code=code,
    )  # fmt: skip
    copy(
        CommandRun, "id", step.command_run_id,
        id=work_id, run_id=run_id, step_id=step_id, idempotency_key="NULL", status=over, error_code=code,
    )  # fmt: skip
    for model in (CommandRunData, CommandRunAttempt, CommandRunLine):
        copy(model, "command_run_id", step.command_run_id, command_run_id=work_id)


def _id(kind: str, salt: str, count: int) -> str:
    """The id of the copy `c.n` as an expression, like those that `new_id` makes at the time of the copy.

    `kind` tells the tables apart, `salt` the chunks.
    """
    turn = f"(({int(time.time())} - {_back(count)}) / {TURN}) & 16777215"
    if connection.vendor == "postgresql":
        parts = (f"lpad(to_hex({number}), {width}, '0')" for number, width in ((turn, 6), ("c.n", 6)))
        return f"({' || '.join(parts)} || '{kind}{salt}' || lpad(to_hex(c.n), 12, '0'))::uuid"
    return f"printf('%06x%06x{kind}{salt}%012x', {turn}, c.n, c.n)"


def _back(count: int) -> str:
    """By how many seconds the copy `c.n` is older than its template."""
    return f"(({count} - c.n + 1) * {APART_SECONDS})"


def _copy(
    model: type[models.Model], key: str, of: UUID, some: range, count: int, values: dict[str, str]
) -> None:
    """Copy the row of `of` for each of `some` with these columns changed and all times moved back."""
    made = (models.BigAutoField, models.GeneratedField)  # by the database itself
    columns = [field for field in model._meta.concrete_fields if not isinstance(field, made)]
    names = ", ".join(f'"{field.column}"' for field in columns)
    taken = ", ".join(values.get(str(field.column), _moved(field, count)) for field in columns)
    if connection.vendor == "postgresql":
        numbers = f"generate_series({some[0]}::bigint, {some[-1]}) AS c(n)"
        template = f"'{of}'"
    else:
        numbers = (
            f"(WITH RECURSIVE c(n) AS (SELECT {some[0]} UNION ALL SELECT n + 1 FROM c WHERE n < {some[-1]})"
            " SELECT n FROM c) AS c"
        )
        template = f"'{of.hex}'"
    # One row of the template, or the copies of earlier chunks would be looked through again and again.
    source = (
        f'{numbers} CROSS JOIN (SELECT * FROM "{model._meta.db_table}" WHERE {key} = {template} LIMIT 1) AS t'
    )
    _execute(f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {taken} FROM {source}')


def _moved(field: models.Field[Any, Any], count: int) -> str:
    """The template's value, or its moment so many seconds before; the highest number is the newest."""
    column = f't."{field.column}"'
    if not isinstance(field, models.DateTimeField):
        return column
    back = _back(count)
    if connection.vendor == "postgresql":
        return f"{column} - {back} * interval '1 second'"
    return f"strftime('%Y-%m-%d %H:%M:%f', {column}, (-{back}) || ' seconds')"


def _fill_journal(project_id: UUID) -> None:
    """As many lines as the journal keeps of a busy hour: the newest ones again."""
    keep = settings.MC.journal_keep_events
    head = Stream.objects.values_list("head", flat=True).get(project_id=project_id)
    found = list(Event.objects.filter(project_id=project_id).order_by("-seq")[:1000])
    Event.objects.bulk_create(
        Event(
            project_id=project_id, seq=head + number, kind=of.kind, entity=of.entity,
            entity_id=of.entity_id, payload=of.payload, at=of.at,
        )
        for number, of in zip(range(1, keep + 1), found * (keep // len(found) + 1), strict=False)
    )  # fmt: skip
    Stream.objects.filter(project_id=project_id).update(head=head + keep)


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    """Without checks, durability and the indexes that no constraint needs; all of it comes back."""
    postgres = connection.vendor == "postgresql"
    fast = _fast_postgres if postgres else _fast_sqlite
    with fast() as indexes:
        tables = ", ".join(f"'{model._meta.db_table}'" for model in TABLES)
        made_by = indexes(tables)
        for name, _ in made_by:
            _execute(f'DROP INDEX "{name}"')
        yield
        for _, statement in made_by:
            _execute(statement)
        if postgres:  # SQLite has no figures of its tables in the product either: nobody says ANALYZE
            _execute(f"VACUUM (ANALYZE) {tables.replace(chr(39), '')}, events_event")


Indexes = Callable[[str], list[tuple[str, str]]]


@contextmanager
def _fast_postgres() -> Iterator[Indexes]:
    usual = ("session_replication_role", "synchronous_commit", "maintenance_work_mem")
    for name, value in zip(usual, ("replica", "off", "'512MB'"), strict=True):
        _execute(f"SET {name} = {value}")
    yield lambda tables: _rows(
        "SELECT indexname, indexdef FROM pg_indexes"
        f" LEFT JOIN pg_constraint ON conname = indexname WHERE tablename IN ({tables}) AND conname IS NULL"
    )
    for name in usual:
        _execute(f"RESET {name}")


@contextmanager
def _fast_sqlite() -> Iterator[Indexes]:
    for pragma in (
        "foreign_keys=OFF", "journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000",
    ):  # fmt: skip
        _execute(f"PRAGMA {pragma}")
    yield lambda tables: _rows(
        "SELECT name, sql FROM sqlite_master"
        f" WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
    )
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        _execute(f"PRAGMA {pragma}")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _rows(statement: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [(str(name), str(text)) for name, text in cursor.fetchall()]
