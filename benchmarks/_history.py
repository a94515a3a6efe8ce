"""Fills the database with finished runs: one that really ran is copied as often as asked, in SQL."""

# ruff: noqa: S608  (names of our own tables and numbers; there is no input)
from __future__ import annotations

from django.db import connection, models, transaction
from django.db.models import F

from apps.agents.models import CommandRun, CommandRunAttempt, CommandRunData
from apps.workflows.models import Run, RunData, RunStatus, Step, Workflow

STEPS = 2  # of the copied run's ten, so that a million runs are no more than two million steps
APART_SECONDS = 1


def fill(count: int) -> None:
    """Add `count` copies of the newest completed run of `ten-steps`, a second apart into the past."""
    workflow = Workflow.objects.get(slug="ten-steps")
    run = Run.objects.filter(workflow=workflow, status=RunStatus.COMPLETED).latest("number")
    postgres = connection.vendor == "postgresql"
    new_id = "gen_random_uuid()" if postgres else "lower(hex(randomblob(16)))"
    numbers = (
        f"generate_series(1, {count}) AS c(n)"
        if postgres
        else f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) "
        "SELECT n FROM c) c"
    )
    template = f"'{run.pk if postgres else run.pk.hex}'"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE new_run AS SELECT n, {new_id} AS id FROM {numbers}")
        cursor.execute(
            f"CREATE TEMP TABLE new_step AS SELECT r.n, r.id AS run_id, s.id AS of_step, "
            f"s.command_run_id AS of_command_run, {new_id} AS id, {new_id} AS command_run_id "
            f'FROM new_run r, workflows_step s WHERE s.run_id = {template} AND s."index" <= {STEPS}'
        )
        runs = f"new_run c, workflows_run t WHERE t.id = {template}"
        steps = "new_step c, workflows_step t WHERE t.id = c.of_step"
        work = "new_step c, {table} t WHERE t.{key} = c.of_command_run"
        number = f"{workflow.run_count} + c.n"
        _copy(Run, runs, id="c.id", number=number, idempotency_key="NULL")
        _copy(RunData, f"new_run c, workflows_rundata t WHERE t.run_id = {template}", run_id="c.id")
        _copy(Step, steps, id="c.id", run_id="c.run_id", command_run_id="c.command_run_id")
        _copy(
            CommandRun, work.format(table="agents_commandrun", key="id"),
            id="c.command_run_id", run_id="c.run_id", step_id="c.id",
        )  # fmt: skip
        for model in (CommandRunData, CommandRunAttempt):
            source = work.format(table=model._meta.db_table, key="command_run_id")
            _copy(model, source, command_run_id="c.command_run_id")
        Workflow.objects.filter(pk=workflow.pk).update(
            run_count=F("run_count") + count, completed_count=F("completed_count") + count
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if postgres else "ANALYZE")


def _copy(model: type[models.Model], source: str, **values: str) -> None:
    """Copy the rows `t` of the source with these columns changed and all times moved back."""
    made = (models.BigAutoField, models.GeneratedField)  # by the database itself
    columns = [field for field in model._meta.concrete_fields if not isinstance(field, made)]
    names = ", ".join(f'"{field.column}"' for field in columns)
    taken = ", ".join(values.get(str(field.column), _moved(field)) for field in columns)
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {taken} FROM {source}')


def _moved(field: models.Field[object, object]) -> str:
    column = f't."{field.column}"'
    if not isinstance(field, models.DateTimeField):
        return column
    if connection.vendor == "postgresql":
        return f"{column} - c.n * interval '{APART_SECONDS} second'"
    return f"strftime('%Y-%m-%d %H:%M:%f', {column}, (-c.n * {APART_SECONDS}) || ' seconds')"
