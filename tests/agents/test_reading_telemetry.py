"""The duty that reads the inbox: in order, each export once, and nothing broken holds up the rest."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from pytest_django import Settings

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents.models import Agent
from apps.agents.models.telemetry import Span, SpanData, TelemetryBatch
from apps.agents.telemetry import inbox, pruning, reading
from apps.agents.telemetry.decode import Export
from apps.events import journal
from apps.events.clock import now
from apps.events.models import Event
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from config.engine import Engine, duties
from tests.accounts.people import make_project
from tests.agents.factories import make_agent
from tests.agents.otlp import a_span, logs, traces
from tests.rig.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def put(request: Any, project: Project | None = None, agent: Agent | None = None, items: int = 1) -> int:
    """An export in the inbox, as the door would have put it there."""
    signal = "traces" if hasattr(request, "resource_spans") else "logs"
    project = project or default_project()
    inbox.put(project.pk, agent.pk if agent else None, Export(signal, request.SerializeToString(), items))
    newest = TelemetryBatch.objects.latest("id")
    return newest.pk


def broken(project: Project | None = None) -> int:
    """One that no reader understands."""
    project = project or default_project()
    return TelemetryBatch.objects.create(project=project, signal="traces", body=b"\xff\xff", items=1).pk


def left() -> list[int]:
    return list(TelemetryBatch.objects.order_by("id").values_list("pk", flat=True))


def test_an_export_becomes_spans_and_leaves_the_inbox() -> None:
    span = a_span(name="chat gpt")
    put(traces(span, service="billing"))
    assert reading.read_all() == 1
    row = Span.objects.get()
    assert (row.trace_id, row.span_id, row.name) == (span.trace_id.hex(), span.span_id.hex(), "chat gpt")
    assert row.status == "ok"
    assert left() == []
    assert reading.read_all() == 0


def test_logs_become_spans_too() -> None:
    request = logs("claude_code.user_prompt")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    for name, value in {"session.id": "s-1", "prompt.id": "p-1"}.items():
        record.attributes.add(key=name).value.string_value = value
    put(request)
    assert reading.read_all() == 1
    assert Span.objects.filter(source="log", session="s-1").exists()
    assert left() == []


def test_exports_are_stored_in_the_order_in_which_they_came() -> None:
    span = a_span(name="as it was")
    put(traces(span))
    span.name = "as it is"
    put(traces(span))
    assert reading.read_all() == 2
    assert Span.objects.get().name == "as it is"


def test_each_project_gets_its_own() -> None:
    mine, other = make_project(), make_project()
    put(traces(a_span(name="mine")), mine)
    put(traces(a_span(name="other")), other)
    put(traces(a_span(name="mine too")), mine)
    reading.read_all()
    assert set(Span.objects.filter(project=mine).values_list("name", flat=True)) == {"mine", "mine too"}
    assert list(Span.objects.filter(project=other).values_list("name", flat=True)) == ["other"]


def test_a_key_of_one_agent_speaks_for_it() -> None:
    agent = make_agent(connector="pull")
    put(traces(a_span()), agent=agent)
    reading.read_all()
    assert Span.objects.get().agent_id == agent.pk


def test_exports_of_different_keys_are_stored_apart() -> None:
    for key_id in (uuid.uuid4(), uuid.uuid4()):
        export = Export("traces", traces(a_span()).SerializeToString(), 1)
        inbox.put(default_project().pk, None, export, key_id=key_id)
    with transaction.atomic():
        assert len(reading._oldest(set(), set())) == 1
    assert reading.read_all() == 2


def test_small_exports_are_stored_together() -> None:
    for _ in range(30):
        put(traces(a_span()))
    with transaction.atomic():
        assert len(reading._oldest(set(), set())) == 30
    put(traces(a_span()), items=reading.TOGETHER_ITEMS)
    assert reading.read_all() == 31
    assert Span.objects.count() == 31


def test_a_broken_export_spoils_none_that_came_with_it() -> None:
    for _ in range(5):
        put(traces(a_span()))
    bad = broken()
    put(traces(a_span()))
    assert reading.read_all() == 6
    assert left() == [bad]


def test_a_broken_export_is_tried_three_times_and_then_dropped(caplog: pytest.LogCaptureFixture) -> None:
    before, bad, after = put(traces(a_span())), broken(), put(traces(a_span()))
    assert before < bad < after
    assert reading.read_all() == 2, "the others are stored in the same round"
    assert Span.objects.count() == 2
    assert list(TelemetryBatch.objects.values_list("pk", "attempts")) == [(bad, 1)]
    reading.read_all()
    assert list(TelemetryBatch.objects.values_list("attempts", flat=True)) == [2]
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
    reading.read_all()
    assert left() == []
    (error,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "was dropped" in error.message
    alert = Alert.objects.get(project=default_project(), rule="telemetry_lost")
    assert (alert.level, alert.state) == ("error", "open")
    assert alert.message.startswith("An export of telemetry with 1 items was lost, 3 tries failed (")
    told = Event.objects.get(project_id=default_project().pk, kind="alert.opened").payload
    assert (told["type"], told["message"]) == ("system_alert", alert.message)
    alerts.sweep()
    assert Alert.objects.get(pk=alert.pk).state == "open"
    Alert.objects.filter(pk=alert.pk).update(last_at=alert.last_at - timedelta(days=2))
    alerts.sweep()
    assert Alert.objects.get(pk=alert.pk).state == "resolved"


@pytest.fixture
def refusals() -> Iterator[list[Exception]]:
    """What is put in here is raised when an agent is added, inside the transaction that stores it."""
    _refusals.clear()
    journal.subscribe("agent.added", _refuse)
    yield _refusals
    _refusals.clear()


_refusals: list[Exception] = []


def _refuse(event: Any, change: Any) -> None:
    if _refusals:
        raise _refusals[0]


def test_what_the_rows_refuse_is_undone_whole(refusals: list[Exception]) -> None:
    put(traces(a_span()))
    refusals.append(IntegrityError("not like this"))
    assert reading.read_all() == 0
    assert (Span.objects.count(), Agent.objects.count(), len(left())) == (0, 0, 1)
    refusals.clear()
    assert reading.read_all() == 1
    assert (Span.objects.count(), Agent.objects.count()) == (1, 1)


def test_a_database_that_refuses_for_a_while_costs_no_export(refusals: list[Exception]) -> None:
    put(traces(a_span()))
    refusals.append(OperationalError("too many locks"))
    for _ in range(reading.MOST_TRIES * 3):
        assert reading.read_all() == 0
    refusals.clear()
    assert reading.read_all() == 1
    assert Span.objects.count() == 1


def test_a_reader_that_is_told_to_stop_leaves_the_rest() -> None:
    for project in (make_project(), make_project(), make_project()):
        put(traces(a_span()), project)
    asked: list[int] = []

    def after_one() -> bool:
        asked.append(1)
        return len(asked) > 2

    assert reading.read_all(after_one) == 1
    assert len(left()) == 2


def test_the_engine_reads_what_arrives_without_waiting_for_its_turn() -> None:
    put(traces(a_span()))
    engine = Engine()
    for duty in engine._duties:  # nothing else is to happen here, and reading only when it is told
        duty.due_at = time.monotonic() + 100_000
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        until(lambda: _is_read_when_told(engine), 30, "the inbox to be read")
    finally:
        engine.stop()
        thread.join(30)
    assert Span.objects.count() == 1


def _is_read_when_told(engine: Engine) -> bool:
    engine._telemetry_came()
    return not left()


def test_many_readers_store_each_export_once() -> None:
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one engine")
    projects = [make_project() for _ in range(3)]
    for number in range(60):
        put(traces(a_span()), projects[number % 3])
    stored: list[int] = []

    def read() -> None:
        try:
            stored.append(reading.read_all())
        finally:
            connections.close_all()

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert sum(stored) == 60
    assert Span.objects.count() == 60
    assert left() == []


def test_an_export_that_another_reader_holds_is_passed_by() -> None:
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one engine")
    first, second = put(traces(a_span()), make_project()), put(traces(a_span()), make_project())
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                TelemetryBatch.objects.select_for_update().get(pk=first)
                holding.set()
                done.wait(30)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert holding.wait(30)
        assert reading.read_all() == 1
        assert left() == [first]
    finally:
        done.set()
        holder.join(30)
    assert second not in left()
    assert reading.read_all() == 1


def test_old_spans_are_forgotten_in_portions(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(pruning, "PORTION", 3)
    projects = [make_project(), make_project()]
    for project in projects:
        for _ in range(5):
            put(traces(a_span()), project)
    reading.read_all()
    too_old = now() - timedelta(days=settings.MC.spans_keep_days, hours=1)
    kept = set()
    for project in projects:
        some = list(Span.objects.filter(project=project)[:4])
        Span.objects.filter(pk__in=[one.pk for one in some]).update(started_at=too_old)
        kept |= set(Span.objects.filter(project=project, started_at__gt=too_old).values_list("pk", flat=True))
    assert pruning.prune() == 8
    assert set(Span.objects.values_list("pk", flat=True)) == kept
    assert set(SpanData.objects.values_list("pk", flat=True)) <= kept
    assert pruning.prune() == 0


def test_the_engine_has_both_duties() -> None:
    assert {"telemetry", "forget old spans"} <= {duty.name for duty in duties()}
