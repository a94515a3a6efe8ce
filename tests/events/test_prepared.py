"""Querysets that are put together once, and rows that are inserted without one."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.agents.models import Agent, CommandRun, CommandRunData, RunStatus
from apps.events import bulk
from apps.events.prepared import MANY, prepared
from tests.agents.factories import make_agent, make_command, make_run

pytestmark = pytest.mark.django_db


@prepared
def runs_of(agent_ids: Collection[UUID], since: datetime, status: str) -> QuerySet[CommandRun]:
    rows = CommandRun.objects.select_related("agent", "data").defer("data__text", "agent__instructions")
    return rows.filter(agent__in=agent_ids, queued_at__gte=since, status=status).order_by("title")


@prepared
def titles(ids: Collection[UUID], most: int | None) -> QuerySet[CommandRun, str]:
    return CommandRun.objects.filter(pk__in=ids).order_by("title").values_list("title", flat=True)[:most]


@prepared
def same_twice(agent_id: UUID) -> QuerySet[CommandRun, tuple[UUID | None, int]]:
    wanted = CommandRun.objects.filter(Q(agent=agent_id) | Q(wanted_agent=agent_id)).order_by()
    return wanted.values_list("agent_id").annotate(count=Count("pk"))


def some(count: int) -> list[CommandRun]:
    """Queued command runs t0000, t0001, …, each with an agent."""
    command = make_command()
    for n in range(count):
        pk = make_run(command).pk
        CommandRun.objects.filter(pk=pk).update(agent=make_agent(), title=f"t{n:04}")
    return list(CommandRun.objects.filter(command=command).order_by("title"))


def test_the_rows_are_those_of_the_queryset_whatever_was_asked_before() -> None:
    long_ago = timezone.now() - timedelta(days=1)
    for run in (runs := some(5)):
        for wanted in ([run], runs, runs[:3], [run]):
            ids = [one.agent_id for one in wanted if one.agent_id]
            with CaptureQueriesContext(connection) as asked:
                found = runs_of(ids, long_ago, RunStatus.QUEUED)
                shown = [(one.title, one.agent.name if one.agent else "", one.data.input) for one in found]
            assert len(asked) == 1
            plain = CommandRun.objects.filter(agent__in=ids).order_by("title")
            assert found == list(plain)
            assert shown == [
                (one.title, one.agent.name if one.agent else "", one.data.input) for one in plain
            ]
            assert found[0].queued_at == plain[0].queued_at
            assert found[0].agent is not None
            assert found[0].agent.get_deferred_fields() == {"instructions"}
    assert runs_of([runs[0].agent_id or uuid4()], timezone.now() + timedelta(days=1), "queued") == []
    assert runs_of([runs[0].agent_id or uuid4()], long_ago, "running") == []


def test_a_value_may_stand_in_several_places_and_a_number_is_part_of_the_text() -> None:
    first, second, third = some(3)
    assert first.agent_id
    for _ in range(2):
        assert same_twice(first.agent_id) == [(first.agent_id, 1)]
        assert titles([first.pk, second.pk, third.pk], 2) == ["t0000", "t0001"]
        assert titles({third.pk, second.pk}, None) == ["t0001", "t0002"]


def test_nothing_is_asked_for_nothing_and_thousands_have_a_place() -> None:
    (run,) = some(1)
    with CaptureQueriesContext(connection) as asked:
        assert titles([], None) == []
    assert not asked.captured_queries
    for count in (MANY - 1, MANY, 2 * MANY + 1):
        assert titles([*(uuid4() for _ in range(count)), run.pk], None) == ["t0000"]


def test_a_value_that_is_not_in_the_statement_is_an_error_and_not_forgotten() -> None:
    @prepared
    def careless(project_id: UUID, since: datetime) -> QuerySet[CommandRun]:
        return CommandRun.objects.filter(project_id=project_id, queued_at__gte=since - timedelta(days=1))

    with pytest.raises(TypeError, match="careless"):
        careless(uuid4(), timezone.now())


@pytest.mark.django_db(transaction=True)
def test_every_thread_gets_its_own_rows() -> None:
    runs = some(8)
    found: dict[UUID, set[str]] = {run.pk: set() for run in runs}
    begin = threading.Barrier(len(runs))

    def ask(run: CommandRun) -> None:
        begin.wait()
        for _ in range(50):
            found[run.pk] |= set(titles([run.pk], None))
        connection.close()

    threads = [threading.Thread(target=ask, args=[run]) for run in runs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == {run.pk: {run.title} for run in runs}


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_a_transaction_is_refused_as_ever() -> None:
    @prepared
    def locked(ids: Collection[UUID]) -> QuerySet[Agent]:
        return Agent.objects.select_for_update().filter(pk__in=ids)

    agent = make_agent()
    with transaction.atomic():
        assert locked([agent.pk]) == [agent]
    if connection.features.has_select_for_update:
        with pytest.raises(TransactionManagementError):
            locked([agent.pk])


def test_inserted_rows_are_as_created_ones() -> None:
    (run,) = some(1)
    copy = CommandRun.objects.get(pk=run.pk)
    copy.pk, copy.title = uuid4(), "copied"
    bulk.insert([copy])
    bulk.insert([CommandRunData(command_run=copy, input={"a": [1, {"b": "ü"}]}, retry_on=["x"])])
    found = CommandRun.objects.get(pk=copy.pk)
    assert (found.title, found.lane, found.queued_at) == ("copied", run.lane, run.queued_at)
    assert (found.data.input, found.data.retry_on) == ({"a": [1, {"b": "ü"}]}, ["x"])
    assert not copy._state.adding
    bulk.insert([])
