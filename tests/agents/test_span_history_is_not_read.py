"""Storing telemetry costs what comes in, not what is there already."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import default_project
from apps.agents.models.telemetry import Span, TelemetryBatch
from apps.agents.telemetry import inbox, presence, pruning, reading
from apps.agents.telemetry.decode import Export
from apps.events.clock import now
from tests.agents.otlp import a_span, traces
from tests.monitoring.test_history_is_not_read import asked

pytestmark = pytest.mark.django_db(transaction=True)

# What goes through all of a project or of an agent: the age of its spans, or the spans of it.
WHOLE = re.compile(r"SCAN (?:agents_span|U\d)\b|USING (?:COVERING )?INDEX span_by_age \(project_id=\?\)")
OF_AN_AGENT = re.compile(r"SEARCH agents_span USING (?:COVERING )?INDEX span_of_agent ")


def put(*spans: Any) -> None:
    inbox.put(default_project().pk, None, Export("traces", traces(*spans).SerializeToString(), len(spans)))


def some_turns() -> list[Any]:
    """One that is over, one of which only a child was heard, and one with an agent's name."""
    root = a_span(name="invoke_agent triage")
    root.attributes.add(key="gen_ai.operation.name").value.string_value = "invoke_agent"
    child = a_span(name="chat m", trace_id=root.trace_id, parent_span_id=root.span_id)
    orphan = a_span(name="chat m", parent_span_id=b"unheard!")
    return [child, root, orphan]


def plans_of(act: Callable[[], object]) -> list[str]:
    """The plans of the statements about spans that `act` asks for, as far as this database words them."""
    with asked() as statements:
        act()
    plans = []
    with connection.cursor() as cursor:
        for sql, params in statements:
            if '"agents_span"' in sql and "EXPLAIN" not in sql:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                plans.append(f"{sql}\n" + "\n".join(str(row[-1]) for row in cursor.fetchall()))
    return plans


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what it knows of the rows")
def test_neither_storing_nor_the_sweep_goes_through_what_is_stored() -> None:
    put(*some_turns())
    reading.read_all()
    put(*some_turns())
    stored = plans_of(reading.read_all)
    assert not TelemetryBatch.objects.exists()
    assert len(stored) >= 3
    Span.objects.filter(status="open").update(seen_at=now() - timedelta(hours=1))
    swept = plans_of(presence.sweep)
    assert swept
    assert not Span.objects.filter(status="open").exists()
    for plan in (*stored, *swept, *plans_of(pruning.prune)):
        by_age_until = "span_by_age (project_id=? AND started_at<?)" in plan
        assert by_age_until or not WHOLE.search(plan), plan
        assert not OF_AN_AGENT.search(plan), plan


@pytest.mark.skipif(connection.vendor != "sqlite", reason="in PostgreSQL a savepoint costs the same always")
def test_nothing_is_stored_within_a_savepoint() -> None:
    """In which SQLite goes through what was written before, once for every row."""
    put(*some_turns())
    with CaptureQueriesContext(connection) as seen:
        assert reading.read_all() == 1
    assert any("agents_spandata" in one["sql"] for one in seen)
    assert not [one["sql"] for one in seen if "SAVEPOINT" in one["sql"]]
