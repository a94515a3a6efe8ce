"""Reads the inbox: each export becomes facts, and the facts rows, in one transaction with its removal.

The engine calls it; on PostgreSQL any number of engines may read at once. What breaks is tried
again and then dropped, and holds up nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import F
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.agents.models.telemetry import TelemetryBatch, TelemetrySignal
from apps.agents.redaction import redact
from apps.agents.storable import storable_text
from apps.agents.telemetry import inbox, log_mapping, mapping, pokes, store
from apps.agents.telemetry.facts import SpanFacts
from apps.events import journal

logger = logging.getLogger(__name__)

MOST_TRIES = 3
# What the database could not do now it may be able to do later: a lock, a deadlock, a restart.
MOST_TRIES_OF_THE_DATABASE = 20
# Small exports are stored together: a transaction has its price, however little is in it.
TOGETHER_BATCHES = 50
TOGETHER_ITEMS = 1_000


# Who is told that an export was lost: its project, the key it came with, and what and why in a sentence.
on_loss: list[Callable[[UUID, UUID | None, str], None]] = []


@dataclass(frozen=True, slots=True)
class Waiting:
    """One export in the inbox, without its body."""

    id: int
    project_id: UUID
    agent_id: UUID | None
    key_id: UUID | None
    items: int
    attempts: int


def is_due() -> bool:
    return TelemetryBatch.objects.order_by().exists()


def read_all(is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Read until nothing is left that can be read now; returns how many exports were stored."""
    stored = 0
    put_off: set[int] = set()  # broken; tried again in the next round
    alone: set[int] = set()
    while not is_stopped():
        pokes.news.clear()
        while not is_stopped():
            some = _read_some(put_off, alone)
            if some is None:
                break
            stored += some
        if not pokes.news.is_set():
            break
    return stored


def _read_some(put_off: set[int], alone: set[int]) -> int | None:
    """Store the oldest exports; 0 when they broke, None when there are none."""
    some: list[Waiting] = []
    try:
        with transaction.atomic():
            some = _oldest(put_off, alone)
            if not some:
                return None
            if connection.features.has_select_for_update_skip_locked:  # the lock is in this transaction
                _store(some, _facts(some))
                return len(some)
        facts = _facts(some)  # SQLite has one writer, who is not kept waiting meanwhile
        inbox.after_you()
        # Not an `atomic` around the change: within its savepoint SQLite would go through all pages that
        # were written so far at the end of every row (seen 2026-11, SQLite 3.40: 190 ms for 1,024 spans
        # instead of 20).
        with journal.changes(some[0].project_id):
            _store(some, facts)
    except Exception as error:
        if not some:  # it was the database's fault
            raise
        if len(some) > 1:  # one of them; each will be tried by itself
            alone.update(one.id for one in some)
        else:
            put_off.add(some[0].id)
            _note_failure(some[0], error)
        return 0
    return len(some)


def _oldest(put_off: set[int], alone: set[int]) -> list[Waiting]:
    """The oldest exports that may be stored together: of one sender, and few spans in all."""
    found = TelemetryBatch.objects.order_by("id")
    if put_off:
        found = found.exclude(pk__in=put_off)
    if connection.features.has_select_for_update_skip_locked:
        found = found.select_for_update(skip_locked=True)
    names = ("id", "project_id", "agent_id", "key_id", "items", "attempts")
    chosen: list[Waiting] = []
    for one in (Waiting(*row) for row in found.values_list(*names)[:TOGETHER_BATCHES]):
        if chosen and not _goes_with(chosen, one, alone):
            break
        chosen.append(one)
        if one.id in alone or one.attempts:
            break
    return chosen


def _goes_with(chosen: list[Waiting], one: Waiting, alone: set[int]) -> bool:
    return (
        (one.project_id, one.agent_id, one.key_id)
        == (chosen[0].project_id, chosen[0].agent_id, chosen[0].key_id)
        and sum(other.items for other in chosen) + one.items <= TOGETHER_ITEMS
        and not one.attempts
        and one.id not in alone
    )


def _facts(some: Iterable[Waiting]) -> list[SpanFacts]:
    batches = TelemetryBatch.objects.filter(pk__in=[one.id for one in some]).order_by("id")
    facts: list[SpanFacts] = []
    for signal, body in batches.values_list("signal", "body"):
        facts += facts_in(signal, bytes(body))
    return facts


def facts_in(signal: str, body: bytes) -> list[SpanFacts]:
    """What one export says."""
    if signal == TelemetrySignal.TRACES:
        return mapping.spans_of(ExportTraceServiceRequest.FromString(body))
    return log_mapping.spans_of_logs(ExportLogsServiceRequest.FromString(body))


def _store(some: list[Waiting], facts: list[SpanFacts]) -> None:
    store.take(some[0].project_id, some[0].agent_id, facts, key_id=some[0].key_id)
    batches = TelemetryBatch.objects.filter(pk__in=[one.id for one in some])
    batches._raw_delete(batches.db)


def _note_failure(one: Waiting, error: Exception) -> None:
    """Count the try, in a transaction of its own; after the last one the export is dropped."""
    most = MOST_TRIES_OF_THE_DATABASE if isinstance(error, OperationalError) else MOST_TRIES
    batch = TelemetryBatch.objects.filter(pk=one.id)
    about = {"batch": one.id, "project": str(one.project_id), "items": one.items, "tries": one.attempts + 1}
    if one.attempts + 1 < most:
        batch.update(attempts=F("attempts") + 1)
        logger.warning("an export could not be stored and is tried again", extra=about, exc_info=error)
    else:
        batch.delete()
        logger.error("an export could not be stored and was dropped", extra=about, exc_info=error)
        why = storable_text(redact(f"{type(error).__name__}: {error}".splitlines()[0][:300]))
        lost = f"An export of telemetry with {one.items} items was lost, {most} tries failed ({why})"
        for tell in on_loss:
            tell(one.project_id, one.key_id, lost)
